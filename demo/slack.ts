/**
 * How many times as long as promised things may take. It is 1; `DEMO_SLACK=10` is for a machine that has much else to do, as
 * where the tests run: the demo still fails where something does not come at all.
 */
export const slack = Math.max(1, Number(process.env['DEMO_SLACK'] ?? 1))
