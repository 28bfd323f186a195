import { type ChildProcess, spawn } from "node:child_process";

/**
 * Containers belong to the engine, so they would outlive a host that is killed. This process, in a
 * session of its own, holds the other end of a pipe of the host: when that closes, it has the engine
 * remove every container that the host made. What it misses, the next start of the gate removes.
 */
const program = `
use strict; use Socket;
my ($path, $list) = @ARGV;
$SIG{$_} = "IGNORE" for "HUP", "INT", "TERM", "PIPE";
1 while sysread(STDIN, my $byte, 4096);
sub ask {
  socket(my $s, PF_UNIX, SOCK_STREAM, 0) or return ""; connect($s, sockaddr_un($path)) or return "";
  syswrite($s, "$_[0] $_[1] HTTP/1.1\\r\\nHost: engine\\r\\nConnection: close\\r\\n\\r\\n");
  my $all = ""; while (sysread($s, my $part, 65536)) { $all .= $part } return $all;
}
# One that was just being made is seen by the second look.
for (1, 2) {
  ask("DELETE", "/v1.41/containers/$_?force=1&v=1") for ask("GET", $list) =~ /"Id":\\s*"([0-9a-f]{64})"/g;
  select(undef, undef, undef, 0.5) if $_ == 1;
}`;

/** The path that lists the containers with a label, running or not. */
export function labelled(label: string): string {
  return `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`;
}

/** Starts the watchdog of a gate; killing it says that there is nothing left to watch. */
export function startWatchdog(perl: string, socketPath: string, label: string): ChildProcess {
  const child = spawn(perl, ["-e", program, "--", socketPath, `/v1.41${labelled(label)}`], {
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
    cwd: "/",
    detached: true,
  });
  child.stdin?.on("error", () => {});
  child.on("error", () => {});
  child.unref();
  return child;
}
