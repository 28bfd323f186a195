/**
 * Every protection of the gate, made into mutants: what is enumerated comes from the sources and from the
 * arguments that a real jail gets, so that a new one is a new mutant, or an unknown one that fails the run.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bwrapArguments } from "../../packages/gate/src/jail/bwrap-args.ts";
import {
  type Mutant,
  withoutArgument,
  withoutEntries,
  withoutGuards,
  withoutLimits,
  withoutRows,
} from "./mutant.ts";

/** A test file, or rows of the table of attacks. The first that turns red ends the mutant. */
export type Check = { readonly test: string } | { readonly attacks: readonly string[] };

export interface Planned extends Mutant {
  readonly checks: readonly Check[];
}

const root = new URL("../../", import.meta.url);
const gate = "packages/gate/src/";
const test = (name: string): Check => ({ test: `packages/gate/tests/${name}.test.ts` });
const attacks = (...ids: string[]): Check => ({ attacks: ids });

function read(file: string): string {
  return readFileSync(fileURLToPath(new URL(file, root)), "utf8");
}

function all(
  checks: readonly Check[],
  file: string,
  make: (file: string, text: string) => readonly Mutant[],
): Planned[] {
  return make(file, read(file)).map((mutant) => ({
    ...mutant,
    id: `${file.slice(gate.length)}: ${mutant.id}`,
    checks,
  }));
}

/** How many operands each argument of bwrap has. */
const operands: Readonly<Record<string, number>> = {
  "--bind": 2,
  "--cap-drop": 1,
  "--chdir": 1,
  "--dev": 1,
  "--dir": 1,
  "--gid": 1,
  "--hostname": 1,
  "--json-status-fd": 1,
  "--perms": 1,
  "--proc": 1,
  "--remount-ro": 1,
  "--ro-bind": 2,
  "--seccomp": 1,
  "--setenv": 2,
  "--size": 1,
  "--symlink": 2,
  "--tmpfs": 1,
  "--uid": 1,
};

/** Arguments that are there so that programs work: without them less is possible, not more. */
const conveniences = new Set(["--chdir", "--dir", "--json-status-fd", "--setenv", "--symlink"]);

/** Which checks look at which argument; "*" stands for any operand. */
const seen = test("jail-arguments");
const argumentChecks: Readonly<Record<string, readonly Check[]>> = {
  "--unshare-user": [seen],
  "--unshare-ipc": [seen],
  "--unshare-uts": [seen],
  "--unshare-cgroup": [seen],
  "--unshare-pid": [attacks("secrets.processes")],
  "--unshare-net": [attacks("network.tcp", "kernel.abstract_sockets")],
  "--disable-userns": [seen],
  "--uid": [seen],
  "--gid": [seen],
  "--hostname": [seen],
  "--die-with-parent": [test("jails")],
  "--new-session": [seen],
  "--cap-drop": [attacks("kernel.setuid")],
  "--clearenv": [attacks("kernel.host_sockets"), test("jails")],
  "--seccomp": [attacks("kernel.interfaces")],
  "--remount-ro": [attacks("filesystem.system", "kernel.write_proc"), seen],
  "--proc": [seen],
  "--dev": [seen],
  "--perms": [seen],
  "--size": [attacks("filesystem.fill")],
  "--tmpfs": [attacks("filesystem.fill"), seen],
  "--ro-bind": [seen],
};

/** Every argument that a jail gets, each taken away. Throws for one that this list does not know. */
function jailArguments(): Planned[] {
  const file = `${gate}jail/bwrap-args.ts`;
  const text = read(file);
  const args = bwrapArguments({
    spec: { id: "x", command: "true", args: [], cwd: "/", env: {}, mounts: [], network: "none" },
    etcDir: "/etc-dir",
  });
  const keys = new Map<string, readonly string[]>();
  for (let at = 0; at < args.length; ) {
    const flag = args[at] ?? "";
    const count = operands[flag] ?? 0;
    const values = args.slice(at + 1, at + 1 + count);
    at += 1 + count;
    if (conveniences.has(flag)) continue;
    // Mounts of single files of /etc and of empty files over /proc are one protection each.
    if (flag === "--ro-bind" && values[0] !== "/dev/null") continue;
    const key = flag === "--seccomp" || flag === "--size" ? [flag, "*"] : [flag, ...values];
    keys.set(key.join(" "), key);
  }
  return [...keys.values()].map((key) => {
    const checks = argumentChecks[key[0] ?? ""];
    if (!checks) throw new Error(`No check is named for the jail argument ${key.join(" ")}`);
    return { ...withoutArgument(file, text, key), id: `jail argument ${key.join(" ")}`, checks };
  });
}

const egress = [test("egress-fields"), test("egress"), test("egress-answers")];
const egressMore = [
  test("egress-bodies"),
  { test: `${gate}egress/public-address.test.ts` },
  { test: `${gate}egress/client-hello.test.ts` },
  ...egress,
  test("egress-hosts"),
  test("egress-budgets"),
  { test: "tests/security/git-egress.test.ts" },
  { test: "tests/security/npm-egress.test.ts" },
];
const limits = test("limits");

/** The six stages, what stands before them and around the handlers, and the process of the sockets. */
function broker(): Planned[] {
  const file = (name: string) => `${gate}broker/${name}.ts`;
  const frames = [test("broker-frames"), test("broker")];
  const stages = [test("broker"), attacks("protocol.approval")];
  const sockets = [attacks("protocol.foreign_process", "protocol.frames"), test("broker-hostile")];
  return [
    ...all([limits], file("broker-limits"), (path, text) => [
      ...withoutLimits(path, text, "brokerLimits"),
      ...withoutLimits(path, text, "endpointLimits"),
    ]),
    ...all(frames, file("strict-json"), withoutGuards),
    ...all(frames, file("stages/construct"), withoutGuards),
    ...["topic", "payload", "authorize", "confirm", "route"].flatMap((stage) =>
      all(stages, file(`stages/${stage}`), withoutGuards),
    ),
    ...all([test("broker"), attacks("protocol.results")], file("executor"), withoutGuards),
    ...all([test("broker"), test("broker-hostile")], file("kept-calls"), withoutGuards),
    ...all([test("broker"), test("broker-hostile")], file("rate-limiter"), withoutGuards),
    ...all([test("broker")], file("catalog"), withoutGuards),
    ...["peer-check", "peer-gate", "guarded-sockets", "endpoint-process"].flatMap((part) =>
      all(sockets, file(`endpoint/${part}`), withoutGuards),
    ),
  ];
}

export function plan(): Planned[] {
  return [
    ...jailArguments(),
    ...all([{ test: "packages/gate/src/jail/seccomp.test.ts" }], `${gate}jail/seccomp.ts`, (file, text) =>
      withoutRows(file, text, "refused"),
    ),
    ...all([test("jail-spec"), limits], `${gate}jail/jail-spec.ts`, (file, text) => [
      ...withoutGuards(file, text),
      ...withoutEntries(file, text, "ownedByJail"),
      ...withoutLimits(file, text, "jailLimits"),
    ]),
    ...all([limits], `${gate}egress/egress-limits.ts`, (file, text) =>
      withoutLimits(file, text, "egressLimits"),
    ),
    ...[
      "egress-proxy",
      "decide",
      "upstreams",
      "forward",
      "open-hosts",
      "tunnel",
      "public-address",
      "request-body",
      "git",
      "npm",
    ].flatMap((part) => all(egressMore, `${gate}egress/${part}.ts`, withoutGuards)),
    ...all(egress, `${gate}egress/http-headers.ts`, (file, text) => [
      ...withoutGuards(file, text),
      ...withoutEntries(file, text, "hopByHop"),
      ...withoutEntries(file, text, "identity"),
      ...withoutEntries(file, text, "answerOnly"),
    ]),
    ...all([limits, test("approvals")], `${gate}approvals/approval-store.ts`, (file, text) => [
      ...withoutGuards(file, text),
      ...withoutLimits(file, text, "approvalLimits"),
    ]),
    ...["parse-policy", "conditions", "evaluate"].flatMap((part) =>
      all([test("policy")], `${gate}policy/${part}.ts`, withoutGuards),
    ),
    ...all([limits], `${gate}policy/rule.ts`, (file, text) => withoutLimits(file, text, "policyLimits")),
    ...broker(),
    ...all([test("audit"), test("audit-checkpoints")], `${gate}audit/audit-log.ts`, withoutGuards),
  ];
}
