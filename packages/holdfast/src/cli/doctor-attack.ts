import { isHoldfastError } from "@holdfast/core";
import { type AttackResult, gateAttacks, runAttacks } from "@holdfast/gate";
import { type Screen, screenOf, style } from "./terminal.ts";

const titles: Readonly<Record<AttackResult["group"], string>> = {
  network: "Network",
  secrets: "Secrets",
  kernel: "/proc, kernel, namespaces",
  filesystem: "Filesystem",
  resources: "Resources",
  protocol: "Gate protocol",
  web: "Local server and web",
};

/** `holdfast doctor --attack`: exit code 1 when an attempt got through or its control did not work. */
export async function attackCommand(json: boolean, only = ""): Promise<number> {
  const screen = screenOf(process.stdout);
  let group: AttackResult["group"] | undefined;
  try {
    const report = await runAttacks({
      attacks: gateAttacks.filter(({ id }) => id.startsWith(only)),
      onResult: (result) => {
        if (json) return;
        if (result.group !== group) console.log(`\n${titles[result.group]}`);
        group = result.group;
        print(screen, result);
      },
    });
    if (json) {
      console.log(JSON.stringify(report));
    } else {
      const count = (outcome: AttackResult["outcome"]) =>
        report.results.filter((each) => each.outcome === outcome).length;
      console.log(
        `\n${report.results.length} attempts with ${report.driver} on ${report.platform}: ${count("stopped")} stopped, ` +
          `${count("not_stopped")} not stopped, ${count("declared")} declared by the driver, ${count("not_tried")} not tried`,
      );
      console.log(
        "Namespaces do not stop kernel bugs; an allowed host is a way out for data; an approval does not stop a person who is fooled.",
      );
    }
    return report.ok ? 0 : 1;
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (json) console.log(JSON.stringify({ ok: false, error: { code: error.code, message: error.message } }));
    else console.error(error.message);
    return 1;
  }
}

function print(screen: Screen, { outcome, attempt, layer, observed, control }: AttackResult): void {
  const mark =
    outcome === "stopped"
      ? style(screen, "green", "stopped     ")
      : outcome === "not_stopped"
        ? style(screen, "red", "NOT STOPPED ")
        : style(screen, "yellow", outcome === "declared" ? "declared    " : "not tried   ");
  console.log(`${mark}${attempt}`);
  console.log(`${" ".repeat(12)}by ${layer} (${observed.replaceAll("\n", " ").slice(0, 120)})`);
  if (control?.worked === false) {
    console.log(`${" ".repeat(12)}${style(screen, "red", `the control did not work: ${control.observed}`)}`);
  }
}
