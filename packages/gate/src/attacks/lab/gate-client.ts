import { gateMountTarget } from "../../broker/messages/wire.ts";
import { summary } from "../network.ts";
import type { Answers, AttackLab } from "./lab.ts";

/**
 * Client of the gate's request socket that writes raw bytes (ZMTP 3.1), to send frames that no library would. `call`
 * resolves with "result", an error code, or "closed".
 */
export const prelude = `
  import net from "node:net";
  const greeting = Buffer.alloc(64); greeting[0] = 255; greeting[9] = 127; greeting[10] = 3; greeting[11] = 1; greeting.write("NULL", 12);
  const ready = Buffer.concat([Buffer.from([5]), Buffer.from("READY"), Buffer.from([11]), Buffer.from("Socket-Type"), Buffer.from([0, 0, 0, 6]), Buffer.from("DEALER")]);
  const frame = (flags, body) => { const head = Buffer.alloc(9); head[0] = flags | 2; head.writeBigUInt64BE(BigInt(body.length), 1); return Buffer.concat([head, body]); };
  const message = (body) => Buffer.concat([frame(1, Buffer.alloc(0)), frame(0, Buffer.from(body))]);
  const open = () => new Promise((done) => {
    const socket = net.connect((process.env.HOLDFAST_GATE ?? process.argv[1]) + "/request.sock"); let data = Buffer.alloc(0); let greeted = false; const heard = []; const waits = [];
    const hear = (what) => { const wait = waits.shift(); if (wait) wait(what); else heard.push(what); };
    const gate = { socket, next: () => heard.length ? Promise.resolve(heard.shift()) : new Promise((wait) => waits.push(wait)), send: (bytes) => socket.write(bytes) };
    socket.on("connect", () => { socket.write(greeting); socket.write(frame(4, ready)); });
    socket.on("error", () => {}); socket.on("close", () => { hear("closed"); done(gate); });
    socket.on("data", (chunk) => { data = Buffer.concat([data, chunk]);
      if (!greeted) { if (data.length < 64) return; data = data.subarray(64); greeted = true; }
      for (;;) { const long = (data[0] & 2) !== 0; const head = long ? 9 : 2; if (data.length < head) return;
        const size = long ? Number(data.readBigUInt64BE(1)) : data[1]; if (data.length < head + size) return;
        const flags = data[0]; const body = data.subarray(head, head + size); data = data.subarray(head + size);
        if (flags & 4) { const name = body.subarray(1, 1 + body[0]).toString();
          // Who does not answer this is cut off, however long the call takes that it waits for.
          if (name === "PING") socket.write(frame(4, Buffer.concat([Buffer.from("\\u0004PONG"), body.subarray(7)])));
          if (name === "READY") done(gate); continue; }
        if (body.length > 0) { const { payload } = JSON.parse(body.toString()); hear(payload.error ? payload.error.code + " " + payload.error.message : "result " + JSON.stringify(payload.result)); } } });
  });
  const patient = (promise) => Promise.race([promise, new Promise((done) => setTimeout(() => done("silence"), 15000))]);
  let count = 0;
  const request = (topic, args, more = {}) => JSON.stringify({ topic, correlation: "a" + count++, arguments: args, ...more });
  const ask = async (body) => { const gate = await open(); gate.send(message(body)); const answer = await patient(gate.next()); gate.socket.destroy(); return answer; };
  const call = (name, args = {}) => ask(request("tool.invoke." + name, args));
  const say = (answers) => { console.log(JSON.stringify(answers)); process.exit(0); };`;

export interface GateJail {
  /** "attack" by default. */
  readonly group?: string;
  /** Runs on the host during the script, with the host's side of the jail's sockets. */
  readonly during?: (directory: string) => Promise<void>;
}

/** Runs a module in a jail with the gate's sockets and returns its last output. */
export async function withGate(
  lab: AttackLab,
  script: string,
  { group = "attack", during }: GateJail = {},
): Promise<Answers> {
  const spec = lab.spec({});
  const broker = await lab.gate.openBroker({ jailId: spec.id, session: spec.id, group });
  try {
    const answers = lab.inside(`${prelude}\n${script}`, {
      id: spec.id,
      env: { HOME: "/home/agent", HOLDFAST_GATE: gateMountTarget },
      mounts: [{ source: broker.directory, target: gateMountTarget, mode: "ro" }],
    });
    await Promise.all([answers, during?.(broker.directory)]);
    return await answers;
  } finally {
    await broker.close();
  }
}

/** Source of a call that is allowed. */
export const plain = `await call("attack_plain", { text: "x" })`;
export const worked = (answer: string | undefined) => answer?.startsWith("result ") === true;
export const refused = (answers: Answers, ...codes: string[]) =>
  Object.values(answers).every((answer) => codes.some((code) => answer.startsWith(code)));
/** Codes without their texts. */
export const codes = (answers: Answers) =>
  summary(
    Object.fromEntries(
      Object.entries(answers).map(([name, answer]) => [name, answer.split(" ", 1)[0] ?? ""]),
    ),
  );
