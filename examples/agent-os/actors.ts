/** A computer for each user: files, programs and an agent in a jail, kept while it sleeps. */
import { setup } from "holdfast";
import { agentOs } from "holdfast/agent-os";

export const computer = agentOs();

export const registry = setup({ use: { computer } });
if (import.meta.main) await registry.start();
