import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { type CheckreinError, isCheckreinError } from '../../src/core/errors.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { plainRun } from '../store/bed.ts'

/** A small disk of its own. Gone when disposed. */
class Disk implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'checkrein-disk-'))
  readonly url = `sqlite:${join(this.folder, 'test.db')}`

  constructor(size: string) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', this.folder])
  }

  remount(mode: 'ro' | 'rw'): void {
    execFileSync('mount', ['-o', `remount,${mode}`, this.folder])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync('umount', [this.folder])
    rmSync(this.folder, { recursive: true })
  }
}

function whyNot(): string | false {
  if (process.platform !== 'linux') return 'needs tmpfs, which is Linux'
  if (process.getuid?.() !== 0) return 'needs root, to mount a small disk'
  const folder = mkdtempSync(join(tmpdir(), 'checkrein-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder])
    return false
  } catch {
    return 'this system lets nobody mount a disk'
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const skip = whyNot()

async function failure(promise: Promise<unknown>): Promise<CheckreinError> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  )
  assert.ok(isCheckreinError(error), String(error))
  assert.ok((error.hint ?? '').length > 20, 'it has a hint')
  return error
}

suite('a disk that cannot be written', { skip }, () => {
  test('is said to be so when a store is to be opened or made on it', async () => {
    await using disk = new Disk('4m')
    {
      await using store = await openStore(disk.url)
      await store.enqueue([{ ...plainRun, id: 'a' }])
    }
    disk.remount('ro')
    const opened = await failure(openStore(disk.url))
    assert.ok(['STORE_READ_ONLY', 'STORE_UNAVAILABLE'].includes(opened.code), opened.code)
    assert.equal((await failure(openStore(`${disk.url}2`))).code, 'STORE_READ_ONLY')
    disk.remount('rw')
    await using store = await openStore(disk.url)
    assert.ok(await store.get('a'))
  })
})

/** Enqueues until the disk is full; the ids that were acknowledged, and the error. */
async function fill(store: Store): Promise<{ ids: string[]; error: CheckreinError }> {
  const ids: string[] = []
  const input = JSON.stringify('x'.repeat(20_000))
  for (let at = 0; at < 10_000; at++) {
    const id = `r${at}`
    try {
      await store.enqueue([{ ...plainRun, id, input }])
    } catch (error) {
      assert.ok(isCheckreinError(error), String(error))
      return { ids, error }
    }
    ids.push(id)
  }
  assert.fail('the disk never filled')
}

suite('a full disk', { skip }, () => {
  test('is said to be so, loses nothing, and work goes on when there is space', async () => {
    await using disk = new Disk('4m')
    const ballast = join(disk.folder, 'ballast')
    writeFileSync(ballast, Buffer.alloc(1_000_000))
    await using store = await openStore(disk.url)
    const { ids, error } = await fill(store)
    assert.equal(error.code, 'STORE_FULL', error.message)
    assert.ok(error.isRetryable)
    assert.ok((error.hint ?? '').length > 20)
    assert.ok(ids.length > 20)
    assert.equal(
      (await failure(store.enqueue([{ ...plainRun, id: 'big', input: '"x"'.padEnd(2_000_000) }])))
        .code,
      'STORE_FULL',
    )
    for (const id of ids) assert.ok(await store.get(id), id)
    assert.equal(await store.get(`r${ids.length}`), null, 'what failed is not there')

    rmSync(ballast)
    await store.enqueue([{ ...plainRun, id: 'after' }])
    await using other = await openStore(disk.url)
    assert.equal((await other.counts({})).queued, ids.length + 1)
    assert.ok((await other.findings()).every(({ level }) => level === 'ok'))
  })

  test('is said to be so when a store is to be made on it', async () => {
    await using disk = new Disk('64k')
    writeFileSync(join(disk.folder, 'ballast'), Buffer.alloc(50_000))
    const { code } = await failure(openStore(disk.url))
    assert.equal(code, 'STORE_FULL')
    rmSync(join(disk.folder, 'ballast'))
  })
})
