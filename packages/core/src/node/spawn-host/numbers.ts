import { constants as files } from "node:fs";
import { constants as system } from "node:os";

interface Calls {
  readonly close: number;
  readonly dup3: number;
  readonly setsid: number;
}

/** System call table of the newer architectures (asm-generic/unistd.h). */
const shared: Calls = { close: 57, dup3: 24, setsid: 157 };

/** System call numbers of Linux by Node's name of the architecture. */
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
 * Returns the arguments of the spawn host's program; undefined on an unknown architecture. Perl defines these names in
 * modules, which every fork of the host would have to copy.
 */
export function spawnHostNumbers(): readonly number[] | undefined {
  const numbers = calls[process.arch];
  if (numbers === undefined) return undefined;
  const { EAGAIN, EINTR } = system.errno;
  const { O_NONBLOCK, O_RDWR, O_RDONLY, O_DIRECTORY } = files;
  const flags = [O_NONBLOCK, O_RDWR, O_RDONLY | O_DIRECTORY];
  return [numbers.close, numbers.dup3, numbers.setsid, EAGAIN, EINTR, system.signals.SIGCHLD, ...flags];
}
