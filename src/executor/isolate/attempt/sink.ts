import type { LogLine, Saved } from '../../../core/run/events.ts'
import type { StoreQuestion } from '../../executor.ts'

/** The receiver of an attempt's reports: the pipe to the worker, or the listener of an inline attempt. */
export interface ContextSink {
  delivered(at: number): void
  /** @param value JSON text. */
  progress(value: string): void
  log(line: LogLine): void
  checkpoint(saved: Saved, number: number): void
  taken(position: number, at: number): void
  question(question: StoreQuestion, number: number): void
  extend(ms: number): void
}
