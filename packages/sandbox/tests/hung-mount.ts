import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import type { TestContext } from "node:test";

/**
 * Mounts a FUSE, serves it, and holds it until its input ends, at most a minute. Readers there cannot end before. The
 * numbers are those of mount(2) and umount2(2) on this processor.
 */
const script = (serve: string) => String.raw`
use strict;
use Fcntl;
alarm 60;
my ($mount, $umount, $point) = (@ARGV[0, 1], $ARGV[2]);
sysopen(my $device, '/dev/fuse', O_RDWR) or die "open: $!\n";
my ($source, $type) = ('hung', 'fuse');
my $data = 'fd=' . fileno($device) . ',rootmode=40000,user_id=0,group_id=0';
syscall($mount + 0, $source, $point, $type, 6, $data) == 0 or die "mount: $!\n";
$| = 1;
print "mounted\n";
${serve}
<STDIN>;
close $device;
print "gone\n";
<STDIN>;
syscall($umount + 0, $point, 2);
`;

/**
 * Serves one small file with everything but its content. The packed structures are those of the kernel's fuse.h,
 * protocol 7.31. Unknown requests get ENOSYS.
 */
const serveWithoutReads = `
my $attributes = sub {
  my ($node) = @_;
  return pack('Q6L10', $node, $node == 1 ? 0 : 5, (0) x 7, $node == 1 ? 040755 : 0100644, 1, (0) x 3, 4096, 0);
};
my %answers = (
  1 => sub { pack('Q4L2', 2, (0) x 5) . $attributes->(2) },
  3 => sub { pack('QL2', 0, 0, 0) . $attributes->($_[0]) },
  14 => sub { pack('QL2', 1, 0, 0) },
  17 => sub { pack('Q5L4x24', (0) x 5, 4096, 255, 4096, 0) },
  18 => sub { '' },
  25 => sub { '' },
  26 => sub { pack('L4S2L2S2Lx28', 7, 31, 0, 0, 16, 12, 65536, 1, 16, 0, 0) },
);
my %unanswered = map { $_ => 1 } (2, 15, 36, 42);
for (;;) {
  my $ready = '';
  vec($ready, fileno($_), 1) = 1 for $device, *STDIN;
  select($ready, undef, undef, undef);
  last if vec($ready, fileno(STDIN), 1);
  sysread($device, my $request, 1 << 20) or next;
  my (undef, $operation, $unique, $node) = unpack('LLQQ', $request);
  next if $unanswered{$operation};
  my $answer = $answers{$operation};
  my $body = $answer ? $answer->($node) : '';
  syswrite($device, pack('LlQ', 16 + length $body, $answer ? 0 : -38, $unique) . $body);
}
`;

const numbers: Readonly<Record<string, readonly [mount: string, umount: string]>> = {
  x64: ["165", "166"],
  arm64: ["40", "39"],
};

export interface HungMount {
  readonly point: string;
  /** Ends the server of the mount, which returns errors from then on. */
  giveUp(): Promise<void>;
}

/** Creates a mount at `point` that does not respond; undefined if this process may not mount. */
export async function hungMount(t: TestContext, point: string): Promise<HungMount | undefined> {
  return await mounted(t, point, "");
}

/** As {@link hungMount}, but only reads hang: every name is a file of five bytes. */
export async function unreadableMount(t: TestContext, point: string): Promise<HungMount | undefined> {
  return await mounted(t, point, serveWithoutReads);
}

async function mounted(t: TestContext, point: string, serve: string): Promise<HungMount | undefined> {
  const known = numbers[process.arch];
  if (process.platform !== "linux" || process.getuid?.() !== 0 || !known) return undefined;
  await mkdir(point, { recursive: true });
  const child: ChildProcess = spawn("perl", ["-e", script(serve), ...known, point], {
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
