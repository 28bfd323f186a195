/**
 * Rejects retired words: home-made names for things that have an established one, and phrases that need two readings.
 * To retire another, replace it everywhere first, then add it here with its replacement.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.ts";

/** Whole words, with their case. */
const words: Readonly<Record<string, string>> = {
  ActorMakeup: "ActorComponents",
  ActorMembers: "ActorSurface",
  Attended: "trackRejection",
  attended: "trackRejection",
  ChangeTeller: "StateChangeNotifier",
  DeedDialog: "ConfirmDialog",
  DeskOptions: "PendingPermissionsOptions",
  HotActors: "ActorRowCache",
  JailAuthority: "CertificateAuthority",
  KeptCalls: "CallCache",
  KnownCalls: "ToolCallHistory",
  LentReads: "SharedReadBuffer",
  ParentTold: "ChildReport",
  Patience: "RefusalLimit",
  PermissionDesk: "PendingPermissions",
  PrintedTail: "OutputTail",
  ProvingDriver: "ProvenGuarantees",
  Turnstile: "TransactionLock",
  WaitingEvents: "EventQueue",
  WholeActor: "ComponentHost",
  callOutside: "callUserCode",
  cutNote: "truncationNote",
  drawAtOnce: "flushQueryUpdates",
  forgetPast: "dropHistory",
  giveBackUnused: "returnUnusedMessages",
  holdProcess: "keepProcessAlive",
  keepPast: "retainHistory",
  reloadWithFragment: "reloadOnFragment",
  toldError: "describableError",
  watchComeback: "onReconnectTrigger",
  wayOf: "the field's word",
  wideCount: "parseUint64",
};

const phrases: readonly string[] = [
  "is no option of it",
  "told as what it is",
  "a moment of the store",
  "who asks nobody",
  "What is to be done?",
  "There is nothing here",
];

const text = /\.(tsx?|mjs|js|md|css|json)$/;
const exempt = /(^|\/)golden\/|^CHANGELOG\.md$|^package-lock\.json$|^tools\/vocabulary\.ts$/;

const word = new RegExp(`\\b(${Object.keys(words).join("|")})\\b`, "g");
const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0");
const problems: string[] = [];
for (const path of tracked) {
  if (!text.test(path) || exempt.test(path)) continue;
  readFileSync(join(root, path), "utf8")
    .split("\n")
    .forEach((line, index) => {
      for (const [found] of line.matchAll(word))
        problems.push(`${path}:${index + 1}: ${found}; say ${words[found]}`);
      for (const phrase of phrases)
        if (line.includes(phrase)) problems.push(`${path}:${index + 1}: "${phrase}"; say it in plain words`);
    });
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`vocabulary: ${Object.keys(words).length} words and ${phrases.length} phrases stay retired`);
