import { constants as files } from "node:fs";
import { constants as system } from "node:os";

interface Calls {
  readonly close: number;
  readonly dup3: number;
  readonly setsid: number;
}

/** The table that the newer architectures share (asm-generic/unistd.h). */
const shared: Calls = { close: 57, dup3: 24, setsid: 157 };

/** Numbers of Linux's system calls on the architectures of Node. */
const calls: Readonly<Partial<Record<NodeJS.Architecture, Calls>>> = {
  x64: { close: 3, dup3: 292, setsid: 112 },
  arm64: shared,
  riscv64: shared,
  loong64: shared,
  ia32: { close: 6, dup3: 330, setsid: 66 },
  arm: { close: 6, dup3: 358, setsid: 66 },
  ppc64: { close: 6, dup3: 316, setsid: 66 },
  s390x: { close: 6, dup3: 326, setsid: 66 },
};

/**
 * The arguments of the spawn host's program, in its order; undefined on an architecture whose numbers are
 * not known here. Perl has names for them in modules, which would be copied in each of its forks.
 */
export function spawnHostNumbers(): readonly number[] | undefined {
  const known = calls[process.arch];
  if (known === undefined) return undefined;
  const { EAGAIN, EINTR } = system.errno;
  const { O_NONBLOCK, O_RDWR, O_RDONLY, O_DIRECTORY } = files;
  const flags = [O_NONBLOCK, O_RDWR, O_RDONLY | O_DIRECTORY];
  return [known.close, known.dup3, known.setsid, EAGAIN, EINTR, system.signals.SIGCHLD, ...flags];
}
