/** Attempts of one jail on the desktop of another. Its X server asks for no secret, so that the jails alone protect it. */
import type { Attack, AttackFinding } from "./attack.ts";
import type { Answers, AttackLab } from "./lab/lab.ts";
import { summary } from "./network.ts";

const display = 77;

/** What a client does once it is connected; each ends with a reply that tells whether it worked. */
const operations = {
  screenshot: `
    const image = await reply(request(73, 2, [u32(root), u16(0), u16(0), u16(64), u16(64), u32(0xffffffff)]));
    return image.length > 64 * 64 ? "took a screenshot" : "no image";`,
  keyboard: `
    const name = Buffer.from("XTEST");
    const extension = await reply(request(98, 0, [u16(name.length), u16(0), name, Buffer.alloc(3)]));
    const press = Buffer.concat([Buffer.from([2, 38, 0, 0]), u32(0), u32(root), Buffer.alloc(20)]);
    socket.write(request(extension[9], 2, [press]));
    for (let asked = 0; asked < 1000; asked += 1) {
      const keys = await reply(request(44, 0, []));
      if (keys[8 + (38 >> 3)] & (1 << (38 & 7))) return "pressed a key";
    }
    return "no key is down";`,
  clipboard: `
    socket.write(request(22, 0, [u32(root), u32(1), u32(0)]));
    const owner = await reply(request(23, 0, [u32(1)]));
    return owner.readUInt32LE(8) === root ? "owns the clipboard" : "no owner";`,
} as const;

type Operation = keyof typeof operations;

/** Source of a client of the X protocol. It tries every operation by every way to the display, all at once. */
const client = `
  import net from "node:net";
  import { readdirSync } from "node:fs";
  const u16 = (value) => { const b = Buffer.alloc(2); b.writeUInt16LE(value); return b; };
  const u32 = (value) => { const b = Buffer.alloc(4); b.writeUInt32LE(value); return b; };
  const request = (opcode, data, parts) => {
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([opcode, data]), u16(1 + body.length / 4), body]);
  };
  const attempt = (operation, where) => new Promise((done) => {
    const socket = net.connect(where);
    const late = setTimeout(() => { socket.destroy(); done("timeout"); }, 3000);
    const end = (outcome) => { clearTimeout(late); socket.destroy(); done(outcome); };
    let data = Buffer.alloc(0), waiting;
    const take = (size) => new Promise((resolve) => { waiting = { size, resolve }; feed(); });
    const feed = () => {
      if (!waiting || data.length < waiting.size) return;
      const { size, resolve } = waiting; waiting = undefined;
      const bytes = data.subarray(0, size); data = data.subarray(size); resolve(bytes);
    };
    socket.on("data", (chunk) => { data = Buffer.concat([data, chunk]); feed(); });
    socket.on("error", (error) => end(error.code));
    socket.on("close", () => end("closed"));
    const reply = async (bytes) => {
      socket.write(bytes);
      const head = await take(32);
      return Buffer.concat([head, await take(head[0] === 1 ? head.readUInt32LE(4) * 4 : 0)]);
    };
    socket.on("connect", async () => {
      socket.write(Buffer.from([0x6c, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
      const head = await take(8);
      const setup = await take(head.readUInt16LE(6) * 4);
      if (head[0] !== 1) return end("refused by the X server");
      const vendor = setup.readUInt16LE(16);
      const root = setup.readUInt32LE(32 + vendor + ((4 - (vendor % 4)) % 4) + 8 * setup[21]);
      const operations = { ${Object.entries(operations)
        .map(([name, body]) => `${name}: async () => { ${body} }`)
        .join(", ")} };
      end(await operations[operation]());
    });
  });
  const path = "/tmp/.X11-unix/X${display}";
  const others = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).slice(0, 50);
  const ways = {
    path: { path },
    abstract: { path: "\\0" + path },
    tcp: { host: "127.0.0.1", port: ${6_000 + display} },
    ...Object.fromEntries(others.map((pid) => ["/proc/" + pid, { path: "/proc/" + pid + "/root" + path }])),
  };
  const attempts = async () => {
    const all = ${JSON.stringify(Object.keys(operations))}.flatMap((operation) =>
      Object.entries(ways).map(async ([way, where]) => [operation + " by " + way, await attempt(operation, where)]));
    return Object.fromEntries(await Promise.all(all));
  };`;

/** Source for perl: reads the System V segments that its arguments name. */
const readSegments =
  'for my $id (@ARGV) { my $b; print shmread($id, $b, 0, 16) ? "read" : $!{EINVAL} ? "EINVAL" : $! + 0, "\\n" }';

/** Starts the X server, uses it as the control, and stays until its input ends. */
const owner = `${client}
  import { spawn, spawnSync } from "node:child_process";
  const server = spawn("Xvfb", [":${display}", "-displayfd", "3", "-ac", "-listen", "tcp", "-shmem", "-screen", "0", "320x200x24"],
    { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  let said = "";
  server.stderr.on("data", (chunk) => { said += chunk; });
  server.on("exit", () => { console.log(JSON.stringify({ failed: said.slice(-500) })); process.exit(0); });
  server.stdio[3].once("data", async () => {
    const memory = /shmid (\\d+)/.exec(said)?.[1] ?? "";
    const read = spawnSync("perl", ["-e", ${JSON.stringify(readSegments)}, memory]).stdout.toString().trim();
    console.log(JSON.stringify({ ...(await attempts()), memory, read }));
  });
  process.stdin.resume();
  process.stdin.once("end", () => process.exit(0));`;

/** What the clients reached, and what became of the segments: those of the owner, and those of another jail. */
interface DesktopAnswers {
  readonly own: Answers;
  readonly other: Answers;
  /** Outcomes of reading the owner's segment and a hundred others from another jail. */
  readonly segments: readonly string[];
}

const answersOf = new WeakMap<AttackLab, Promise<DesktopAnswers>>();

/** Makes all attempts of one jail on the desktop of another; once in a lab. */
function attackDesktop(lab: AttackLab): Promise<DesktopAnswers> {
  const found = answersOf.get(lab) ?? tryAll(lab);
  answersOf.set(lab, found);
  return found;
}

async function tryAll(lab: AttackLab): Promise<DesktopAnswers> {
  lab.needs("Xvfb", "perl");
  const jail = await lab.start({ command: lab.node, args: ["--input-type=module", "-e", owner] });
  try {
    const [line = ""] = (await firstLine(jail.stdout)).split("\n");
    const own = JSON.parse(line) as Answers;
    if (own["failed"] !== undefined) throw new Error(`Xvfb did not start: ${own["failed"]}`);
    const other = await lab.inside(
      `${client} console.log(JSON.stringify(await attempts())); process.exit(0);`,
    );
    const { stdout } = await lab.shell(`perl -e '${readSegments}' ${own["memory"] ?? ""} $(seq 0 100)`);
    return { own, other, segments: [...new Set(stdout.trim().split("\n"))] };
  } finally {
    await lab.finish(jail);
  }
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  return await new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      text += chunk.toString("utf8");
      if (!text.includes("\n")) return;
      stream.off("data", onData);
      resolve(text);
    };
    stream.on("data", onData);
    stream.once("end", () => reject(new Error("the jail with the desktop ended")));
  });
}

/** The same client reaches the display in its own jail, and nothing from another one. */
async function useOther(lab: AttackLab, operation: Operation): Promise<AttackFinding> {
  const { own, other } = await attackDesktop(lab);
  const attempted = Object.entries(other).filter(([name]) => name.startsWith(`${operation} by `));
  const outcomes = attempted.map(([, outcome]) => outcome);
  const reached = own[`${operation} by path`] ?? "";
  return {
    stopped:
      outcomes.length > 0 &&
      outcomes.every((each) => /^E[A-Z]+$/.test(each) || (each === "timeout" && lab.ownKernel)),
    observed: summary(Object.fromEntries(attempted)),
    control: {
      worked: /^(took|pressed|owns) /.test(reached),
      observed: `in its own jail the client ${reached}`,
    },
  };
}

export const desktopAttacks: readonly Attack[] = [
  {
    id: "desktop.screenshot",
    group: "desktop",
    attempt: "a picture of another session's screen: its X server by path, abstract socket, TCP and /proc",
    must: "no such server",
    layer: "network namespace; mounts: a private /tmp; pid namespace",
    needs: ["network.none", "filesystem.mounts_only", "processes.hidden"],
    run: (lab) => useOther(lab, "screenshot"),
  },
  {
    id: "desktop.keyboard",
    group: "desktop",
    attempt: "type into another session's windows (XTEST), by the same ways",
    must: "no such server",
    layer: "network namespace; mounts: a private /tmp; pid namespace",
    needs: ["network.none", "filesystem.mounts_only", "processes.hidden"],
    run: (lab) => useOther(lab, "keyboard"),
  },
  {
    id: "desktop.clipboard",
    group: "desktop",
    attempt: "pass data on by the clipboard of another session, by the same ways",
    must: "no such server",
    layer: "network namespace; mounts: a private /tmp; pid namespace",
    needs: ["network.none", "filesystem.mounts_only", "processes.hidden"],
    run: (lab) => useOther(lab, "clipboard"),
  },
  {
    id: "desktop.shared_memory",
    group: "desktop",
    attempt: "read another session's screen in the memory that its X server shares (System V)",
    must: "no such segment",
    layer: "IPC namespace",
    run: async (lab) => {
      const { own, segments } = await attackDesktop(lab);
      const { memory = "", read = "" } = own;
      return {
        stopped: memory !== "" && segments.length > 0 && segments.every((each) => each === "EINVAL"),
        observed: `segment ${memory}: ${segments.join(", ")}`,
        control: { worked: read === "read", observed: `in its own jail the segment is ${read}` },
      };
    },
  },
];
