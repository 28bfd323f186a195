/** The commands of tools, as programs of a machine start them, and the client that they run. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { agentOsLimits } from "../limits.ts";
import { toolCommand } from "./command.ts";
import type { HostTools } from "./tool-kit.ts";

/** Variable with the path of the socket. */
export const toolSocketVariable = "HOLDFAST_TOOLS";
/** Where the socket is in a jail. */
export const toolSocketPath = "/run/holdfast/tools.sock";

/** Perl starts in a few milliseconds; where there is none, Node does it. */
const shellScript = `#!/bin/sh
# Calls a function of the host: ${toolCommand} list-tools
here=\${0%/*}
if command -v perl >/dev/null 2>&1; then exec perl "$here/client.pl" "\${0##*/}" "$@"; fi
exec node "$here/client.mjs" "\${0##*/}" "$@"
`;

/*
 * The protocol: "<bytes of the arguments> <command>\\n", then the arguments with NULs between them. The host asks for a
 * file with "?<path>\\0", without a path for the standard input; the answer to that is "<bytes>\\n" and the bytes, or
 * "-<reason>\\n". At the end it sends the exit code as one digit, and the text.
 */
const perlScript = `use strict;
use warnings;
use Socket;

my $most = ${agentOsLimits.maxToolInputBytes} + 1;
$SIG{PIPE} = "IGNORE";

sub gone {
  print STDERR qq({"ok":false,"error":"HOST_UNAVAILABLE","message":"$_[0]"}\\n);
  exit 1;
}

my $command = shift @ARGV;
my $arguments = join "\\0", @ARGV;
socket(my $host, PF_UNIX, SOCK_STREAM, 0) or gone("No socket can be made");
connect($host, sockaddr_un($ENV{${toolSocketVariable}} // "${toolSocketPath}")) or gone("The host of this machine does not answer");

# The host may answer before it has read everything.
sub send_all { my ($bytes) = @_;
  while (length $bytes) {
    my $written = syswrite($host, $bytes);
    return unless $written;
    substr($bytes, 0, $written) = "";
  } }

sub send_input { my ($path) = @_;
  my $file = *STDIN;
  if ($path ne "") { open($file, "<", $path) or return send_all("-$!\\n") }
  elsif (-t STDIN) { return send_all("0\\n") }
  my $text = "";
  while (length $text < $most) {
    my $n = sysread($file, $text, $most - length $text, length $text);
    return send_all("-$!\\n") unless defined $n;
    last unless $n;
  }
  send_all(length($text) . "\\n$text") }

send_all(length($arguments) . " " . scalar(@ARGV) . " $command\\n$arguments");
my $answer = "";
while (sysread($host, $answer, 65536, length $answer)) {
  send_input($1) while $answer =~ s/\\A\\?(.*?)\\0//s;
}
gone("The host of this machine has ended") unless $answer =~ /\\A[01]/;
my $code = substr($answer, 0, 1, "");
if ($code eq "0") { print STDOUT "$answer\\n" or exit 1 } else { print STDERR "$answer\\n" }
exit $code;
`;

const nodeScript = `import { closeSync, openSync, readSync } from "node:fs";
import { connect } from "node:net";
import { isatty } from "node:tty";

const most = ${agentOsLimits.maxToolInputBytes} + 1;

function gone(message) {
  console.error(JSON.stringify({ ok: false, error: "HOST_UNAVAILABLE", message }));
  process.exit(1);
}

function readInput(path) {
  if (path === "" && isatty(0)) return Buffer.alloc(0);
  const file = path === "" ? 0 : openSync(path, "r");
  const buffer = Buffer.alloc(most);
  let size = 0;
  for (let n = 1; n > 0 && size < most; size += n) {
    try {
      n = readSync(file, buffer, size, most - size, null);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      size -= n;
    }
  }
  if (path !== "") closeSync(file);
  return buffer.subarray(0, size);
}

const [command, ...args] = process.argv.slice(2);
const joined = args.join("\\0");
const host = connect(process.env.${toolSocketVariable} ?? "${toolSocketPath}");
let answer = Buffer.alloc(0);
let connected = false;
host.once("connect", () => {
  connected = true;
  host.write(\`\${Buffer.byteLength(joined)} \${args.length} \${command}\\n\${joined}\`);
});
host.on("data", (chunk) => {
  answer = Buffer.concat([answer, chunk]);
  while (answer[0] === 63 && answer.includes(0)) {
    const path = answer.toString("utf8", 1, answer.indexOf(0));
    answer = answer.subarray(answer.indexOf(0) + 1);
    try {
      const text = readInput(path);
      host.write(\`\${text.length}\\n\`);
      host.write(text);
    } catch (error) {
      host.write(\`-\${error.message}\\n\`);
    }
  }
});
host.on("error", () => {
  if (!connected) gone("The host of this machine does not answer");
});
host.once("close", () => {
  const code = answer.toString("latin1", 0, 1);
  if (code !== "0" && code !== "1") gone("The host of this machine has ended");
  const stream = code === "0" ? process.stdout : process.stderr;
  stream.write(\`\${answer.toString("utf8", 1)}\\n\`, () => process.exit(Number(code)));
});
`;

const files = { [toolCommand]: shellScript, "client.pl": perlScript, "client.mjs": nodeScript } as const;

/** A folder below `directory` with the commands of these tools; it is made once for each set of names. */
export async function placeToolCommands(tools: HostTools, directory: string): Promise<string> {
  const links = [...tools.kits.keys()].map((name) => `${toolCommand}-${name}`);
  const hash = createHash("sha256").update(JSON.stringify([files, links]));
  const folder = join(directory, hash.digest("hex").slice(0, 24));
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}.partial`;
  await mkdir(partial, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(files))
    await writeFile(join(partial, name), text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  for (const name of links) await symlink(toolCommand, join(partial, name));
  try {
    await rename(partial, folder);
  } catch (error) {
    // Another start of the same tools was faster.
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
