/** What the web app can do, the HTTP API and the command line can do too: from the table of all actions. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type ActorRules, actorRules } from "../../src/access/rules.ts";
import { commands } from "../../src/cli/commands.ts";
import { createStudio } from "../../src/index.ts";
import { logIn, temporaryFolder } from "../support.ts";

/** The command and the word of its usage that stand for an action. */
const commandOf: Readonly<Record<string, readonly [command: string, word: string]>> = {
  "organization.createTask": ["run", "--repo"],
  "organization.listTasks": ["tasks", "list"],
  "organization.addRepository": ["repositories", "connect"],
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
  "task.keepAttempt": ["tasks", "keep ID"],
  "task.closeSession": ["tasks", "close-session"],
  "task.publication": ["publish", "publish"],
  "task.publish": ["publish", "--title"],
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
  "administration.connections": ["connections", "list"],
  "administration.checkConnection": ["connections", "check"],
};

/** Actions without a command, each with the reason. They are in the HTTP API like all others. */
const withoutCommand: Readonly<Record<string, string>> = {
  "organization.me": "A command line acts for the operator, whose id it knows.",
  "organization.countTasks":
    "Numbers beside the filters of a list on a screen; tasks list --json has the tasks.",
  "organization.archiveTasks": "Keeps the list of a person short, as they look at it. No command for it yet.",
  "organization.restoreTasks": "Takes back what archiving did, on the screen that did it.",
  "organization.markTasks": "What a person has read is known where they read it.",
  "organization.listViews": "Views are ways to look at a screen.",
  "organization.saveView": "Views are ways to look at a screen.",
  "organization.deleteView": "Views are ways to look at a screen.",
  "organization.taskStorage": "Shown before a deletion, which has no command.",
  "organization.deleteTask":
    "Deletes work for good: done where a person sees what it frees. No command for it yet.",
  "organization.checkRepository": "Answers while a path is typed; run says the same when it starts.",
  "organization.repositoryFiles": "Completion of names of files in a prompt.",
  "task.files": "Completion of names of files in a prompt.",
  "task.queuedPrompt": "Reads a queued prompt in full before it is edited, where the queue is.",
  "task.editPrompt": "The queue is changed where a person sees it. No command for it yet.",
  "task.removePrompt": "The queue is changed where a person sees it. No command for it yet.",
  "task.movePrompt": "The queue is changed where a person sees it. No command for it yet.",
  "task.chooseOption": "Options are those that an agent offers while it runs. No command for it yet.",
  "drafts.get": "A draft is what a person has typed in a browser, and not sent.",
  "drafts.save": "A draft is what a person has typed in a browser, and not sent.",
  "task.attemptStorage": "Shown before an attempt is kept, which deletes the others.",
  "repository.archiveMerged": "A habit of the list of tasks, set on the page of the repository.",
  "task.renameSession": "A name is changed where it is read. No command for it yet.",
  "task.seenSessions": "What a person has read is known where they read it.",
  "task.markSession": "What a person has read is known where they read it.",
  "task.review": "A review is written beside the diff.",
  "task.markViewed": "A review is written beside the diff.",
  "task.saveComment": "A review is written beside the diff.",
  "task.deleteComment": "A review is written beside the diff.",
  "task.sendReview": "A review is written beside the diff; tasks prompt sends words of one's own.",
  "task.commits": "The diff is looked at beside its commits; tasks diff has all of it.",
  "task.filePatch": "A part of the diff for a screen; tasks diff has all of it.",
  "task.fileLines": "A part of the diff for a screen; tasks diff has all of it.",
  "task.fileBytes": "An image of the diff for a screen.",
  "task.revert": "A part of the diff is taken back where it is seen. No command for it yet.",
  "task.undoRevert": "A part of the diff is taken back where it is seen. No command for it yet.",
  "task.resolveComment": "A review is written beside the diff.",
  "task.stopChecks": "Checks end with the command that runs them: Control+C.",
  "task.sendCheck":
    "A failed check is sent to the agent where it is read; tasks prompt sends words of one's own.",
  "task.readPullRequest": "Reads again what is read by itself.",
  "task.mergePullRequest": "Merged where its checks are seen, here or at the forge. No command for it yet.",
  "task.addressReview": "A prompt made of comments that a person has looked at.",
  "repository.branches": "Completion of a field.",
  "repository.pullRequests": "The forge has a command line of its own for its pull requests.",
  "repository.pullRequest": "The forge has a command line of its own for its pull requests.",
  "repository.cancelFetch": "Ends what a person waits for on a screen.",
  "repository.setUpWebhook": "It needs the address at which the browser reaches the Studio.",
  "inbox.snooze": "Comes back on a screen, at a time of the person.",
  "inbox.mark": "What a person has read is known where they read it.",
  "task.watch": "Who watches a task is chosen where it is read. No command for it yet.",
  "notifications.choose": "What a person hears of is chosen beside what there is. No command for it yet.",
  "notifications.reset": "What a person hears of is chosen beside what there is. No command for it yet.",
  "notifications.addDevice": "Only a browser has the keys of its push service.",
  "notifications.removeDevice": "The list of the browsers of a person is on the page of their notifications.",
  "notifications.setMailAddress": "Where a person is reached is theirs to set. No command for it yet.",
  "notifications.setWebhook": "Where a person is reached is theirs to set. No command for it yet.",
  "notifications.setSlack": "Where a person is reached is theirs to set. No command for it yet.",
  "notifications.retry": "Sent again where the failure is shown.",
  "notifications.dismiss": "Dismissed where the failure is shown.",
  "attention.notificationDefaults":
    "Defaults of an organization, on the page of notifications. No command for it yet.",
  "attention.setNotificationDefaults":
    "Defaults of an organization, on the page of notifications. No command for it yet.",
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
