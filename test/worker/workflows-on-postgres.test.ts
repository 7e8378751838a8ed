import { workflowsSuite } from './workflows-suite.ts'

workflowsSuite('postgres')
