// The same client as ipc.pl, for systems without perl; see ipc-server.ts for what goes over the socket.
import { readFileSync } from "node:fs";
import { connect } from "node:net";

function fail(code, message) {
  console.error(JSON.stringify({ code, message, retriable: false }));
  process.exit(1);
}

const [topic, argument, ...more] = process.argv.slice(2);
if (topic === undefined || topic.includes("\n") || more.length > 0) {
  fail("CLI_ERROR", "Usage: ipc TOPIC [JSON]; ipc tool.list");
}
const text = argument === "-" ? readFileSync(0, "utf8") : (argument ?? "");
const patience = process.env.CARAPACE_TIMEOUT ?? "";
const patienceMs = /^[0-9]{1,9}$/.test(patience) && Number(patience) > 0 ? Number(patience) : 35_000;
setTimeout(() => fail("IPC_ERROR", "No answer in time"), patienceMs);
let answer = "";
const guest = connect({ path: process.env.HOLDFAST_IPC ?? "/tmp/.holdfast/ipc.sock" });
guest.setEncoding("utf8");
guest.once("connect", () => guest.write(`${Buffer.byteLength(text)} ${topic}\n${text}`));
guest.on("data", (chunk) => {
  answer += chunk;
});
guest.once("error", () => fail("IPC_ERROR", "The guest of this jail is not running"));
guest.once("end", () => {
  if (answer[0] !== "0" && answer[0] !== "1") fail("IPC_ERROR", "The guest went away");
  const stream = answer[0] === "0" ? process.stdout : process.stderr;
  stream.write(`${answer.slice(1)}\n`, () => process.exit(Number(answer[0])));
});
