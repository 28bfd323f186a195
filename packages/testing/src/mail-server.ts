import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Real mail servers with one mailbox: Dovecot for IMAP over TLS, Exim for SMTP with STARTTLS. */
export interface MailServer {
  readonly imap: { readonly host: string; readonly port: number };
  readonly smtp: { readonly host: string; readonly port: number };
  /** All addresses deliver to the one mailbox. */
  readonly address: string;
  readonly password: string;
  /** Self-signed certificate of both servers (PEM). */
  readonly certificate: string;
  /** Log of the SMTP server so far. */
  readonly log: () => string;
  /** Number of messages with `subject` that the SMTP server has accepted so far. */
  received(subject: string): number;
  /** Resolves when a message with `subject` is in the mailbox, with its text as it was sent. */
  waitForDelivery(subject: string): Promise<string>;
  close(): Promise<void>;
}

/** Below the ephemeral range; with a private loopback address they cannot be taken by others. */
const ports = { imap: 20_993, smtp: 20_587 } as const;

function present(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const programs = { dovecot: "/usr/sbin/dovecot", exim: "/usr/sbin/exim4", openssl: "/usr/bin/openssl" };

/** Reason why no mail server can run here, or undefined. */
export function mailServerProblem(): string | undefined {
  const missing = Object.entries(programs).find(([, path]) => !present(path));
  if (missing !== undefined)
    return `needs ${missing[0]} (Debian: dovecot-imapd, exim4-daemon-light, openssl)`;
  // Both drop privileges to other users, which only root can do.
  return process.getuid?.() === 0 ? undefined : "needs root for its mail servers";
}

/**
 * Starts both servers with a private directory and loopback address. Resolves when both have sent their greeting. Does
 * not touch the system's own mail.
 */
export async function startMailServer(): Promise<MailServer> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-mail-"));
  chmodSync(directory, 0o755);
  const host = `127.${randomInt(64, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const password = randomBytes(18).toString("base64url");
  const name = `${randomBytes(6).toString("hex")}.example`;
  const children: ChildProcess[] = [];
  const close = async () => {
    await Promise.all(children.map(end));
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const log = () => readFileSync(join(directory, "main.log"), "utf8");
  try {
    const certificate = createCertificate(directory, host);
    mkdirSync(join(directory, "spool"));
    mkdirSync(join(directory, "mail"));
    execFileSync("chown", ["mail:mail", join(directory, "mail")]);
    const exim = join(directory, "exim.conf");
    writeFileSync(exim, eximConfig(directory, host, name, password));
    const dovecot = join(directory, "dovecot.conf");
    writeFileSync(dovecot, dovecotConfig(directory, host, name, password));
    children.push(start(programs.exim, ["-bdf", "-C", exim]), start(programs.dovecot, ["-F", "-c", dovecot]));
    await Promise.all([
      waitForGreeting(children, host, ports.smtp, name),
      // Dovecot greets only after TLS, so that an accepted connection counts as its greeting.
      waitForGreeting(children, host, ports.imap, undefined),
    ]);
    return {
      imap: { host, port: ports.imap },
      smtp: { host, port: ports.smtp },
      address: `me@${name}`,
      password,
      certificate,
      log,
      received: (subject) =>
        log()
          .split("\n")
          .filter((line) => line.includes(" <= ") && line.includes(`T="${subject}"`)).length,
      waitForDelivery: (subject) => delivered(join(directory, "mail"), `Subject: ${subject}\r\n`),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function start(program: string, args: readonly string[]): ChildProcess {
  return spawn(program, args, { stdio: "ignore", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
}

/** On SIGTERM both stop their child processes. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

/** Retries to connect while both servers run. */
async function waitForGreeting(
  children: readonly ChildProcess[],
  host: string,
  port: number,
  name: string | undefined,
): Promise<void> {
  for (;;) {
    const dead = children.find((each) => each.exitCode !== null || each.signalCode !== null);
    if (dead !== undefined)
      throw new Error(`${dead.spawnfile} exited with ${dead.exitCode ?? dead.signalCode}`);
    const greeting = await readGreeting(host, port, name !== undefined);
    if (greeting !== undefined && (name === undefined || greeting.includes(name))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function readGreeting(host: string, port: number, listen: boolean): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (text: string | undefined) => {
      socket.destroy();
      resolve(text);
    };
    socket.once("error", () => answer(undefined));
    socket.once("close", () => answer(undefined));
    if (listen) socket.once("data", (data) => answer(data.toString("utf8")));
    else socket.once("connect", () => answer(""));
  });
}

/** Polls until the message is there, and returns it. */
async function delivered(mail: string, header: string): Promise<string> {
  const find = () =>
    readdirSync(mail, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\/(?:new|cur)$/.test(entry.parentPath))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8").replace(/\r?\n/g, "\r\n"))
      .find((text) => text.includes(header));
  for (;;) {
    const text = find();
    if (text !== undefined) return text;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function createCertificate(directory: string, host: string): string {
  const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
  execFileSync(
    programs.openssl,
    [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
      ],
      ...[
        "-subj",
        "/CN=mail of a test",
        "-addext",
        `subjectAltName=IP:${host}`,
        "-keyout",
        key,
        "-out",
        certificate,
      ],
    ],
    { stdio: "ignore" },
  );
  // The SMTP server reads it after it has dropped privileges.
  chmodSync(key, 0o644);
  return readFileSync(certificate, "utf8");
}

function eximConfig(directory: string, host: string, name: string, password: string): string {
  return `primary_hostname = ${name}
spool_directory = ${directory}/spool
log_file_path = ${directory}/%s.log
pid_file_path = ${directory}/exim.pid
exim_user = root
exim_group = root
never_users =
keep_environment =
local_interfaces = ${host}
daemon_smtp_ports = ${ports.smtp}
tls_advertise_hosts = *
tls_certificate = ${directory}/certificate.pem
tls_privatekey = ${directory}/key.pem
auth_advertise_hosts = \${if eq{$tls_in_cipher}{}{}{*}}
host_lookup =
rfc1413_hosts =
message_size_limit = 2M
log_selector = +subject
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  deny    message = authenticate first
          !authenticated = *
  deny    message = no such person
          local_parts = nobody
  accept
data:
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = ${directory}/mail/box
  maildir_format
  create_directory
  user = mail
  group = mail
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{me@${name}}}{eq{$auth3}{${password}}}}}
  server_set_id = $auth2
`;
}

function dovecotConfig(directory: string, host: string, name: string, password: string): string {
  return `base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/dovecot.log
protocols = imap
listen = ${host}
login_greeting = ${name}
ssl = required
ssl_cert = <${directory}/certificate.pem
ssl_key = <${directory}/key.pem
ssl_min_protocol = TLSv1.2
mail_location = maildir:${directory}/mail/box
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = static
  args = password=${password}
}
userdb {
  driver = static
  args = uid=mail gid=mail home=${directory}/mail
}
namespace inbox {
  inbox = yes
  mailbox Sent {
    auto = create
    special_use = \\Sent
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = ${ports.imap}
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`;
}
