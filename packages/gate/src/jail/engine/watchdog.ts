import { type ChildProcess, spawn } from "node:child_process";

/**
 * Watchdog process of a gate. Containers belong to the engine, so they would outlive a gate that is killed. This process
 * holds the other end of a pipe of the gate; when the pipe closes, it has the engine remove every container of that gate.
 * What it misses, the next start of the gate removes.
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
# The second pass finds a container that was just being made.
for (1, 2) {
  ask("DELETE", "/v1.41/containers/$_?force=1&v=1") for ask("GET", $list) =~ /"Id":\\s*"([0-9a-f]{64})"/g;
  select(undef, undef, undef, 0.5) if $_ == 1;
}`;

/** API path that lists the containers with a label, running or not. */
export function listPath(label: string): string {
  return `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`;
}

/** Starts the watchdog of a gate. Kill it when the gate has ended its containers itself. */
export function startWatchdog(perl: string, socketPath: string, label: string): ChildProcess {
  const child = spawn(perl, ["-e", program, "--", socketPath, `/v1.41${listPath(label)}`], {
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
