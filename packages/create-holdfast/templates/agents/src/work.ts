/** Gives an agent a job, and shows what it wrote: `node src/work.ts "PROMPT"`, while the program runs. */
import { createClient } from "holdfast/client";
import type { registry } from "./registry.ts";

const [, , prompt = 'Without asking, write "hello" to hello.txt'] = process.argv;
const client = createClient<typeof registry>(process.env["HOLDFAST_ENDPOINT"] ?? "http://127.0.0.1:6420");
console.log(await client.project.getOrCreate("first").work(prompt));
const { stdout } = await client.computer.getOrCreate("first").exec("ls");
console.log(`Files: ${stdout.trim().split("\n").join(", ")}`);
await client.dispose();
