import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import type { TestContext } from "node:test";

/**
 * Mounts a FUSE whose server never answers, and holds it until its input ends. The numbers are those of
 * mount(2) and umount2(2) on the processor.
 */
const script = String.raw`
use strict;
use Fcntl;
my ($mount, $umount, $point) = (@ARGV[0, 1], $ARGV[2]);
sysopen(my $device, '/dev/fuse', O_RDWR) or die "open: $!\n";
my ($source, $type) = ('hung', 'fuse');
my $data = 'fd=' . fileno($device) . ',rootmode=40000,user_id=0,group_id=0';
syscall($mount + 0, $source, $point, $type, 6, $data) == 0 or die "mount: $!\n";
$| = 1;
print "mounted\n";
<STDIN>;
close $device;
print "gone\n";
<STDIN>;
syscall($umount + 0, $point, 2);
`;

const numbers: Readonly<Record<string, readonly [mount: string, umount: string]>> = {
  x64: ["165", "166"],
  arm64: ["40", "39"],
};

export interface HungMount {
  readonly point: string;
  /** Ends the server of the mount, which answers with an error from then on. */
  giveUp(): Promise<void>;
}

/** A mount at `point` that does not answer; undefined where this process may not mount. */
export async function hungMount(t: TestContext, point: string): Promise<HungMount | undefined> {
  const known = numbers[process.arch];
  if (process.platform !== "linux" || process.getuid?.() !== 0 || !known) return undefined;
  await mkdir(point, { recursive: true });
  const child: ChildProcess = spawn("perl", ["-e", script, ...known, point], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const exited = new Promise<undefined>((resolve) => {
    child.once("exit", () => resolve(undefined));
    child.once("error", () => resolve(undefined));
  });
  const said = async () =>
    child.stdout ? await Promise.race([once(child.stdout, "data"), exited]) : undefined;
  if ((await said()) === undefined) return undefined;
  t.after(async () => {
    child.stdin?.end("\n\n");
    await exited;
  });
  return {
    point,
    giveUp: async () => {
      child.stdin?.write("\n");
      await said();
    },
  };
}
