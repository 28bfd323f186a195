/** Agents as A2A servers. May use the actions and the HTTP chat of agents, as a client does. */
export { type A2aServer, a2a } from "./a2a.ts";
export { a2aLimits } from "./limits.ts";
export type { A2aOptions, A2aRegistry, A2aSkill } from "./options.ts";
