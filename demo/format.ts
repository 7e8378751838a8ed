import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Coloured on a terminal, plain elsewhere and under NO_COLOR. */
export const paint = (style: Style, text: string): string =>
  styleText(style, text, { stream: process.stdout })

export const count = (value: number): string => Math.round(value).toLocaleString('en')

export const ms = (value: number): string => `${count(value)} ms`

export const seconds = (valueMs: number): string => `${(valueMs / 1000).toFixed(1)} s`

export const percent = (fraction: number): string => `${Math.floor(fraction * 100)} %`

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const [unit, value] = bytes < 1024 ** 2 ? ['KiB', bytes / 1024] : ['MiB', bytes / 1024 ** 2]
  return `${value.toLocaleString('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })} ${unit}`
}

/** `1,024 files, 10.0 MiB, packed to 34 %` */
export function volume(done: {
  readonly files: number
  readonly bytes: number
  readonly packedBytes: number
}): string {
  const { files, bytes, packedBytes } = done
  const packed = bytes === 0 ? '' : `, packed to ${percent(packedBytes / bytes)}`
  return `${count(files)} ${files === 1 ? 'file' : 'files'}, ${size(bytes)}${packed}`
}
