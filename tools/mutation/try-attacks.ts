/** Tries the named rows of the table of attacks; exit code 1 when one was not stopped. */
import { gateAttacks, runAttacks } from "@holdfast/gate";

const ids = new Set(process.argv.slice(2));
const report = await runAttacks({ attacks: gateAttacks.filter((attack) => ids.has(attack.id)) });
const failed = report.results.filter((each) => each.outcome !== "stopped" || each.control?.worked === false);
for (const { id, observed } of failed) console.log(`not ok 1 - ${id}: ${observed}`);
process.exit(failed.length > 0 ? 1 : 0);
