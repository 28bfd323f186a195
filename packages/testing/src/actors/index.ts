/** Actors that tests of several hosts talk to. */
export { allActors, counter, echo } from "./counters.ts";
export { mailbox, member, sender, worker } from "./queues.ts";
export { mirror, rawActors, seen, sockets } from "./raw.ts";
export { clockwork } from "./schedules.ts";
