/** The end of the demo before its time. Exit codes follow `sysexits.h`, as the CLI's do. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
  readonly exitCode: number

  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}
