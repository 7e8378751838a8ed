/** Entry of a child that runs the attempts of `process` isolation on its main thread. */
import { armDeadman } from '../watchdog/arm-deadman.ts'
import { ignoreOutputErrors } from '../os/output.ts'
import { serve } from './serve.ts'

ignoreOutputErrors()
serve(3, await armDeadman())
