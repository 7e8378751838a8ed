import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { buildProgram } from '../../src/cli/program.ts'
import { Client } from '../../src/client/client.ts'
import type { Operation } from '../../src/client/operations/operation.ts'
import type { Parameters } from '../../src/client/options/parameter.ts'
import { operations } from '../../src/client/operations/operations.ts'
import { subjects } from '../../src/client/operations/subjects.ts'
import { errorCodes } from '../../src/core/errors.ts'

const program = buildProgram()
const all: [string, Operation][] = Object.entries(operations)

function commandOf(operation: Operation): Command {
  // One of its own: an option that was given once is refused the second time.
  let command: Command | undefined = buildProgram()
  for (const word of operation.command.split(' '))
    command = command?.commands.find((one) => one.name() === word)
  assert.ok(command, `a command ${operation.command}`)
  return command
}

/** The words of a command line, quotes taken off. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')

void test('every operation is a method of the client', () => {
  assert.ok(all.length >= 25)
  for (const [name] of all)
    assert.equal(typeof Reflect.get(Client.prototype, name), 'function', name)
})

void test('every method of the client that asks the store is an operation', () => {
  const byName = ['enqueueByName', 'enqueueManyByName']
  const ofCode = ['constructor', 'store', 'run', 'within', 'now', 'workflow']
  const others = [...ofCode, ...byName]
  const names = new Set<string>()
  for (let of: object = Client.prototype; of !== Object.prototype; of = Object.getPrototypeOf(of))
    for (const name of Object.getOwnPropertyNames(of)) names.add(name)
  const methods = [...names].filter((name) => !others.includes(name))
  assert.deepEqual(methods.sort(), all.map(([name]) => name).sort())
})

void test('every operation has a command with its options', () => {
  for (const [name, operation] of all) {
    const attributes = commandOf(operation).options.map((option) => option.attributeName())
    const named: Parameters = {
      ...operation.options,
      ...subjects[operation.subject].parts,
    }
    for (const [key, { singular }] of Object.entries(named))
      assert.ok(attributes.includes(singular ?? key), `${name} ${key}`)
  }
})

void test('every example is a command line that exists', () => {
  for (const [name, operation] of all) {
    const [program = '', ...words] = wordsOf(operation.example)
    const own = operation.command.split(' ')
    assert.equal(program, 'checkrein')
    assert.deepEqual(words.slice(0, own.length), own, name)
    const rest = words.slice(own.length)
    const { unknown } = commandOf(operation).parseOptions(rest)
    assert.deepEqual(unknown, [], name)
  }
})

void test('no two operations share a method and a path', () => {
  const routes = all.map(([, { method, path }]) => `${method} ${path}`)
  assert.deepEqual(routes, [...new Set(routes)])
})

void test('every error of an operation is in the table of errors', () => {
  for (const [, { errors }] of all) for (const code of errors) assert.ok(code in errorCodes)
})

void test('every command says what it is for, and gives an example', () => {
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    assert.notEqual(command.description(), '', command.name())
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
    assert.match(help, /Example:\n {2}checkrein /, command.name())
  }
})
