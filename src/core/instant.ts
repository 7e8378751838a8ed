/** The instants that may be given: each can be shown as a date, and so can its sum with any duration. */

/** 0000-01-01T00:00:00.000Z, epoch ms. */
const firstInstant = -62_167_219_200_000
/** 9999-12-31T23:59:59.999Z, epoch ms. ISO 8601 writes a year with four digits. */
const lastInstant = 253_402_300_799_999

/** Whether a number is an instant of the years 0 to 9999. Not whole ones count, too: a filter may name them. */
export const isInstant = (at: number): boolean => at >= firstInstant && at <= lastInstant

/** The instant that ISO 8601 names, epoch ms; null where it names none, as 31 February. */
export function parseInstant(iso: string): number | null {
  const at = Date.parse(iso)
  return isInstant(at) && isOnCalendar(iso) ? at : null
}

/** Whether the day at the beginning of ISO 8601 is one: `Date.parse` makes 3 March of 31 February. */
function isOnCalendar(iso: string): boolean {
  const day = /^\d{4}-\d\d-\d\d/.exec(iso)?.[0]
  if (day === undefined) return true
  const at = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day)
}
