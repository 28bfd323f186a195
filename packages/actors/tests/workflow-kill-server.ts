import { openJobs, willBeKilled, workflows } from "./workflow-kill-actors.ts";

const [, , path] = process.argv;
if (path === undefined) throw new Error("usage: workflow-kill-server.ts <directory>");
willBeKilled.is = true;
const { client } = openJobs(path);
await Promise.all(Array.from({ length: workflows }, (_, n) => client.job.getOrCreate(String(n)).done()));
process.send?.("ready");
// Runs until it is killed.
setInterval(() => {}, 60_000);
