/** Entry of a child that runs the attempts of `process` isolation on its main thread. */
import { armDeadman } from '../watchdog/arm-deadman.ts'
import { serve } from './serve.ts'

serve(3, await armDeadman())
