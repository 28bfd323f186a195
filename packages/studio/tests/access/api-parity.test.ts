/** What the web app can do, the HTTP API and the command line can do too: from the table of all actions. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type ActorRules, actorRules } from "../../src/access/actor-rules.ts";
import { commands } from "../../src/cli/commands.ts";
import { createStudio } from "../../src/index.ts";
import { logIn, temporaryFolder } from "../support.ts";

/** The command and the word of its usage that stand for an action. */
const commandOf: Readonly<Record<string, readonly [command: string, word: string]>> = {
  "organization.createTask": ["run", "--repo"],
  "organization.listTasks": ["tasks", "list"],
  "organization.addRepository": ["repositories", "connect"],
  "organization.beginSsh": ["repositories", "--fingerprint"],
  "organization.connectRepository": ["repositories", "connect"],
  "organization.disconnectRepository": ["repositories", "remove"],
  "organization.listRepositories": ["repositories", "list"],
  "organization.listAgents": ["agents", "list"],
  "organization.listGroups": ["groups", "list"],
  "organization.environment": ["environments", "show"],
  "organization.prepareEnvironment": ["environments", "prepare"],
  "organization.system": ["doctor", "doctor"],
  "task.get": ["tasks", "show"],
  "task.diff": ["tasks", "diff"],
  "task.prompt": ["tasks", "prompt"],
  "task.stop": ["tasks", "stop"],
  "task.answer": ["approvals", "allow"],
  "task.answerMany": ["approvals", "deny"],
  "task.apply": ["tasks", "apply"],
  "task.startSession": ["tasks", "start-session"],
  "task.attemptDiff": ["tasks", "attempts ID"],
  "task.attemptChecks": ["tasks", "attempts ID"],
  "task.runAttemptChecks": ["tasks", "attempts ID"],
  "task.keepAttempt": ["tasks", "keep ID"],
  "task.closeSession": ["tasks", "close-session"],
  "task.publication": ["publish", "publish"],
  "task.publish": ["publish", "--title"],
  "task.markReady": ["publish", "--ready"],
  "task.decideSecrets": ["tasks", "secrets ID"],
  "task.checks": ["checks", "checks"],
  "task.runChecks": ["checks", "run"],
  "session.events": ["tasks", "show"],
  "repository.get": ["repositories", "list"],
  "repository.check": ["repositories", "check"],
  "repository.sync": ["repositories", "sync"],
  "environment.get": ["environments", "show"],
  "environment.stop": ["environments", "stop"],
  "group.get": ["groups", "show"],
  "group.prompt": ["prompt", "--group"],
  "inbox.list": ["inbox", "list"],
  "inbox.done": ["inbox", "done"],
  "attention.approvals": ["approvals", "list"],
  "schedules.list": ["schedules", "list"],
  "schedules.save": ["schedules", "add"],
  "schedules.pause": ["schedules", "pause"],
  "schedules.run": ["schedules", "run"],
  "schedules.remove": ["schedules", "delete"],
  "notifications.get": ["notifications", "show"],
  "notifications.pause": ["notifications", "pause"],
  "notifications.test": ["notifications", "test"],
  "billing.overview": ["billing", "show"],
  "billing.plans": ["billing", "plans"],
  "billing.invoices": ["billing", "invoices"],
  "billing.choosePlan": ["billing", "choose"],
  "billing.managePayment": ["billing", "payment"],
  "billing.refresh": ["billing", "--now"],
  "usage.report": ["usage", "--by"],
  "usage.records": ["usage", "--csv"],
  "usage.prices": ["prices", "list"],
  "usage.setPrice": ["prices", "set"],
  "usage.removePrice": ["prices", "remove"],
  "usage.budgets": ["budgets", "list"],
  "usage.saveBudget": ["budgets", "set"],
  "usage.deleteBudget": ["budgets", "remove"],
  "administration.audit": ["audit", "query"],
  "administration.verifyAudit": ["audit", "verify"],
  "administration.secrets": ["secrets", "list"],
  "administration.setSecret": ["secrets", "set"],
  "administration.deleteSecret": ["secrets", "remove"],
  "administration.policy": ["policy", "check"],
  "administration.explainPolicy": ["policy", "explain"],
  "administration.tryPolicy": ["policy", "dry-run"],
  "administration.acceptedRules": ["policy", "accepted"],
  "administration.removeAcceptedRule": ["policy", "remove ID"],
  "administration.signIn": ["sign-in", "list"],
  "administration.saveSignInProvider": ["sign-in", "set PROVIDER"],
  "administration.removeSignInProvider": ["sign-in", "remove PROVIDER"],
  "administration.saveSignInDomains": ["sign-in", "domains"],
  "administration.connections": ["connections", "list"],
  "administration.checkConnection": ["connections", "check"],
  "organization.countTasks": ["tasks", "count"],
  "organization.archiveTasks": ["tasks", "archive ID"],
  "organization.restoreTasks": ["tasks", "restore ID"],
  "organization.markTasks": ["tasks", "mark ID"],
  "organization.listViews": ["views", "list"],
  "organization.saveView": ["views", "save NAME"],
  "organization.deleteView": ["views", "delete NAME"],
  "organization.taskStorage": ["tasks", "--dry-run"],
  "organization.deleteTask": ["tasks", "delete ID"],
  "task.queuedPrompt": ["queue", "show TASK"],
  "task.editPrompt": ["queue", "edit TASK"],
  "task.removePrompt": ["queue", "remove TASK"],
  "task.movePrompt": ["queue", "move TASK"],
  "task.chooseOption": ["tasks", "choose ID"],
  "task.attemptStorage": ["tasks", "attempts ID"],
  "repository.archiveMerged": ["repositories", "--archive-merged"],
  "task.renameSession": ["tasks", "rename-session"],
  "task.review": ["review", "show TASK"],
  "task.saveComment": ["review", "comment TASK"],
  "task.deleteComment": ["review", "delete TASK"],
  "task.sendReview": ["review", "send TASK"],
  "task.resolveComment": ["review", "resolve TASK"],
  "task.savedFolder": ["tasks", "files ID"],
  "task.searchSaved": ["tasks", "--search"],
  "task.commits": ["review", "commits TASK"],
  "task.revert": ["review", "revert TASK"],
  "task.undoRevert": ["review", "undo TASK"],
  "task.stopChecks": ["checks", "--stop"],
  "task.sendCheck": ["checks", "--send"],
  "task.readPullRequest": ["pulls", "--read"],
  "task.mergePullRequest": ["pulls", "merge TASK"],
  "task.rebase": ["tasks", "rebase ID"],
  "task.addressReview": ["pulls", "address TASK"],
  "repository.branches": ["repositories", "branches NAME"],
  "repository.pullRequests": ["pulls", "list REPOSITORY"],
  "repository.pullRequest": ["pulls", "show REPOSITORY"],
  "repository.issues": ["pulls", "issues REPOSITORY"],
  "repository.issue": ["pulls", "--number"],
  "repository.cancelFetch": ["repositories", "cancel NAME"],
  "repository.setUpWebhook": ["repositories", "webhook NAME"],
  "inbox.snooze": ["inbox", "snooze ID"],
  "inbox.mark": ["inbox", "unread ID"],
  "task.watch": ["tasks", "watch ID"],
  "task.setLabels": ["tasks", "label ID"],
  "task.changeLabels": ["tasks", "--add"],
  "task.offerHandover": ["tasks", "hand-over ID"],
  "task.acceptHandover": ["tasks", "accept ID"],
  "task.declineHandover": ["tasks", "decline ID"],
  "task.withdrawHandover": ["tasks", "take-back ID"],
  "task.assign": ["tasks", "assign ID"],
  "notifications.choose": ["notifications", "set"],
  "notifications.reset": ["notifications", "reset"],
  "notifications.removeDevice": ["notifications", "remove-device"],
  "notifications.setMailAddress": ["notifications", "address ADDRESS"],
  "notifications.setWebhook": ["notifications", "webhook-url"],
  "notifications.setSlack": ["notifications", "slack-url"],
  "notifications.retry": ["notifications", "retry ID"],
  "notifications.dismiss": ["notifications", "dismiss ID"],
  "attention.notificationDefaults": ["notifications", "defaults"],
  "attention.setNotificationDefaults": ["notifications", "set-defaults"],
  "attention.forgeAccounts": ["accounts", "list"],
  "attention.setForgeAccount": ["accounts", "set REPOSITORY"],
  "attention.beginAccountLink": ["accounts", "link REPOSITORY"],
  "attention.confirmAccountLink": ["accounts", "confirm"],
  "attention.unlinkForgeAccount": ["accounts", "remove SERVER"],
};

/** Actions without a command, each with the reason. They are in the HTTP API like all others. */
const withoutCommand: Readonly<Record<string, string>> = {
  "organization.me": "whoami has more than the id.",
  "organization.checkRepository": "Answers while a path is typed; run says the same when it starts.",
  "organization.repositoryFiles": "Completion of names of files in a prompt.",
  "task.files": "Completion of names of files in a prompt.",
  "drafts.get": "A draft is what a person has typed in a browser, and not sent.",
  "drafts.save": "A draft is what a person has typed in a browser, and not sent.",
  "task.seenSessions": "What a person has read is known where they read it.",
  "task.markSession": "What a person has read is known where they read it.",
  "task.markViewed": "A review is written beside the diff.",
  "task.filePatch": "A part of the diff for a screen; tasks diff has all of it.",
  "task.fileLines": "A part of the diff for a screen; tasks diff has all of it.",
  "task.fileBytes": "An image of the diff for a screen.",
  "task.publishChoices": "Completion of fields.",
  "notifications.addDevice": "Only a browser has the keys of its push service.",
  "administration.savePolicy": "On the command line, the policy is a file: policy.json.",
};

const actions = Object.entries<ActorRules>(actorRules).flatMap(([actor, rules]) =>
  rules === "internal"
    ? []
    : Object.keys(rules.actions)
        .filter((action) => action !== "internal")
        .map((action) => `${actor}.${action}`),
);

test("each action has a route in the OpenAPI document", async (t) => {
  const folder = temporaryFolder(t);
  const studio = await createStudio({
    dataDirectory: join(folder, "data"),
    webDirectory: folder,
    runTasks: false,
  });
  t.after(() => studio.close());
  const cookie = await logIn(studio.url, await studio.issueTicket());
  const response = await fetch(`${studio.url}/openapi.json`, { headers: { cookie } });
  const { paths } = (await response.json()) as { readonly paths: Readonly<Record<string, unknown>> };
  const missing = actions.filter((name) => {
    const [actor, action] = name.split(".");
    return paths[`/actors/${actor}/{actor}/actions/${action}`] === undefined;
  });
  assert.deepEqual(missing, []);
});

test("each action has a command, or a reason why it has none", async () => {
  const missing = actions.filter(
    (name) => commandOf[name] === undefined && withoutCommand[name] === undefined,
  );
  assert.deepEqual(missing, [], "add a command, or a reason");
  for (const [name, [command, word]] of Object.entries(commandOf)) {
    const usage = (await commands[command]?.())?.usage ?? "";
    assert.ok(usage.includes(word), `${name}: "holdfast ${command} --help" does not have "${word}"`);
  }
});

test("no action has both or is gone", () => {
  const listed = [...Object.keys(commandOf), ...Object.keys(withoutCommand)];
  assert.deepEqual(
    listed.filter((name) => !actions.includes(name)),
    [],
  );
  assert.equal(new Set(listed).size, listed.length);
  for (const [name, reason] of Object.entries(withoutCommand))
    assert.ok(reason.length > 20, `${name} needs a reason`);
});
