/** The tools of the Studio's MCP server: which actions they are, and those that have no tool, each with its reason. */

export interface ToolEntry {
  readonly name: string;
  readonly description: string;
  /** `answer`: answers a question of the gate or of an agent. Only for the scope "all": see docs/reference/mcp.md. */
  readonly effect: "reads" | "changes" | "destroys" | "answers";
}

function reads(name: string, description: string): ToolEntry {
  return { name, description, effect: "reads" };
}

function changes(name: string, description: string): ToolEntry {
  return { name, description, effect: "changes" };
}

function destroys(name: string, description: string): ToolEntry {
  return { name, description, effect: "destroys" };
}

export const toolTable: Readonly<Record<string, ToolEntry>> = {
  "organization.listTasks": reads("list_tasks", "Lists tasks, newest first, a page at a time"),
  "organization.countTasks": reads("count_tasks", "Counts tasks by status, repository and agent"),
  "organization.createTask": changes(
    "create_task",
    "Starts a task: an agent works on a prompt in a repository",
  ),
  "organization.archiveTasks": changes("archive_tasks", "Takes tasks out of the list; their files stay"),
  "organization.restoreTasks": changes("restore_tasks", "Takes archived tasks back into the list"),
  "organization.markTasks": changes("mark_tasks", "Marks tasks as read or unread"),
  "organization.taskStorage": reads("get_task_storage", "What deleting a task would free"),
  "organization.deleteTask": destroys("delete_task", "Deletes a task, its log and its files for good"),
  "organization.listRepositories": reads("list_repositories", "Lists the connected repositories"),
  "organization.listAgents": reads("list_agents", "Lists the coding agents, and which of them are ready"),
  "organization.listGroups": reads("list_groups", "Lists the groups of agents with their newest events"),
  "organization.environment": reads("get_environment", "What a repository needs to be worked on"),
  "organization.prepareEnvironment": changes("prepare_environment", "Begins to prepare it for its next task"),
  "organization.system": reads("get_system_status", "Checks what the Studio depends on"),
  "task.get": reads("get_task", "A task: its status, its sessions, its open questions, its usage"),
  "task.diff": reads("get_diff", "The changes of a task, against its base, the last turn or a commit"),
  "task.commits": reads("list_commits", "The commits that the agent has made"),
  "task.filePatch": reads("read_patch", "A part of the patch of one file, where a diff omitted it"),
  "task.fileLines": reads("read_lines", "Lines of a file of a task in one state of its files"),
  "task.files": reads("find_files", "Files of a task's base commit whose paths match"),
  "task.prompt": changes("prompt_task", "Sends a prompt to the agent; it waits while the agent works"),
  "task.queuedPrompt": reads("get_queued_prompt", "A prompt that waits, in full"),
  "task.editPrompt": changes("edit_queued_prompt", "Replaces the text of a prompt that waits"),
  "task.removePrompt": changes("remove_queued_prompt", "Takes a prompt from the queue"),
  "task.movePrompt": changes("move_queued_prompt", "Moves a prompt within the queue; the first place is 0"),
  "task.chooseOption": changes("choose_agent_option", "Chooses an option of the agent, such as its model"),
  "task.stop": changes("stop_task", "Stops the agents of a task, or one of its sessions"),
  "task.watch": changes("watch_task", "Begins or ends to put its news into the inbox"),
  "task.apply": changes("apply_task", "Publishes the changes as a new branch of the local repository"),
  "task.startSession": changes("start_session", "Starts another session, or an attempt in a copy of its own"),
  "task.renameSession": changes("rename_session", "Gives a session another name"),
  "task.closeSession": destroys("close_session", "Ends a session; the files of an attempt are deleted"),
  "task.attemptDiff": reads("get_attempt_diff", "The changes of an attempt"),
  "task.attemptStorage": reads("get_attempt_storage", "What the files of each attempt take on disk"),
  "task.attemptChecks": reads("get_attempt_checks", "The results of checks of the attempts"),
  "task.runAttemptChecks": changes("run_attempt_checks", "Begins to run checks on the attempts"),
  "task.keepAttempt": destroys("keep_attempt", "Makes an attempt the work of the task; discards the others"),
  "task.review": reads("get_review", "The review of the changes: comments, and reverts that can be undone"),
  "task.saveComment": changes("save_comment", "Saves a comment on lines of a changed file"),
  "task.resolveComment": changes("resolve_comment", "Settles a comment that was sent, or opens it again"),
  "task.deleteComment": changes("delete_comment", "Deletes a comment"),
  "task.sendReview": changes("send_review", "Sends comments to the agent as one prompt"),
  "task.revert": destroys("revert_changes", "Makes a file, or a hunk of it, as it was before"),
  "task.undoRevert": changes("undo_revert", "Takes a revert back"),
  "task.checks": reads("get_checks", "The checks of a task (tests, linters) and their results"),
  "task.runChecks": changes("run_checks", "Begins to run checks in a jail; get_checks has the results"),
  "task.stopChecks": changes("stop_checks", "Ends the checks that run or wait"),
  "task.sendCheck": changes("send_check", "Sends the failure of a check to the agent"),
  "task.publication": reads("get_publication", "The pull request of a task, or what one would be"),
  "task.publish": changes("publish_task", "Pushes the changes, and opens or updates the pull request"),
  "task.markReady": changes("mark_pull_request_ready", "Says at the forge that a draft is ready for review"),
  "task.readPullRequest": changes(
    "refresh_pull_request",
    "Reads the pull request of a task from its forge now",
  ),
  "task.mergePullRequest": destroys("merge_pull_request", "Merges the pull request of a task"),
  "task.addressReview": changes("address_review", "Sends its comments and failed checks to the agent"),
  "task.answer": { name: "answer_approval", description: "Answers a question once", effect: "answers" },
  "task.answerMany": {
    name: "answer_approvals",
    description: "Answers up to 100 questions",
    effect: "answers",
  },
  "session.events": reads(
    "read_transcript",
    "The log of a session after a place: prompts, messages, tool calls",
  ),
  "repository.get": reads("get_repository", "A connected repository"),
  "repository.branches": reads("list_branches", "Its branches"),
  "repository.pullRequests": reads("list_pull_requests", "Its pull requests, the latest first"),
  "repository.issues": reads("list_issues", "Its issues"),
  "repository.pullRequest": reads("get_pull_request", "A pull request with its text, from the forge"),
  "repository.sync": changes("sync_repository", "Compares it with its server and fetches it, now"),
  "repository.check": changes("check_repository", "Tries each part of its connection"),
  "repository.cancelFetch": changes("cancel_fetch", "Ends a fetch that runs"),
  "environment.get": reads("get_preparation", "The progress of preparing an environment"),
  "environment.stop": changes("stop_preparation", "Ends it"),
  "group.get": reads("get_group", "A group of agents and its newest events"),
  "group.prompt": changes("prompt_group", "Enqueues a prompt for a group, which starts a turn"),
  "inbox.list": reads("list_inbox", "What needs the person whom the server acts for"),
  "inbox.done": changes("finish_inbox_entries", "Takes entries out of the inbox, or back into it"),
  "inbox.snooze": changes("snooze_inbox_entries", "Hides entries until a time"),
  "inbox.mark": changes("mark_inbox_entries", "Marks entries as read or unread"),
  "attention.approvals": reads(
    "list_approvals",
    "The open questions of the gate and of agents, of all tasks",
  ),
  "schedules.list": reads("list_schedules", "Prompts that start tasks at given times"),
  "schedules.save": changes("save_schedule", "Creates or changes a schedule"),
  "schedules.pause": changes("pause_schedule", "Pauses a schedule, or continues it"),
  "schedules.run": changes("run_schedule", "Starts its task now"),
  "schedules.remove": destroys("delete_schedule", "Deletes a schedule; its tasks stay"),
  "usage.report": reads("get_usage", "What was used, and what it cost"),
  "usage.records": reads("list_usage_records", "The complete data about usage of some days"),
  "usage.prices": reads("list_prices", "The prices of models"),
  "usage.budgets": reads("list_budgets", "The budgets and what is left of them"),
  "administration.audit": reads("search_audit_log", "Records of the audit log"),
  "administration.verifyAudit": reads(
    "verify_audit_log",
    "Reads the audit log, and checks that nothing was changed",
  ),
  "administration.policy": reads("get_policy", "The rules of tool calls"),
  "administration.explainPolicy": reads(
    "explain_policy",
    "What the rules say about a call, without making it",
  ),
  "administration.tryPolicy": reads("try_policy", "What other rules would have decided"),
  "administration.connections": reads("list_connections", "What the Studio depends on"),
  "administration.checkConnection": changes("check_connection", "Tries one of them now"),
};

const ofScreens = "A way to look at a screen, or what was seen there.";
const ofPerson = "Where and when a person is reached is theirs to choose.";
const ofMoney = "A program that spends decides nothing about plans, prices and budgets.";
const ofSecrets = "A secret does not belong into a conversation with a model.";

export const withoutTool: Readonly<Record<string, string>> = {
  "organization.me": "A server acts for one person, whom it knows.",
  "organization.listViews": ofScreens,
  "organization.saveView": ofScreens,
  "organization.deleteView": ofScreens,
  "organization.checkRepository": "Answers while a path is typed; create_task says the same when it starts.",
  "organization.repositoryFiles": "Completion of names of files in a prompt.",
  "organization.addRepository": ofSecrets,
  "organization.connectRepository": "It names secrets of the vault and where they are sent.",
  "organization.disconnectRepository": "Undone only with the secret, which a person has.",
  "organization.beginSsh": ofSecrets,
  "task.decideSecrets": "Whether secrets reach code of strangers is for a person to decide.",
  "task.publishChoices": "Completion of the fields of a form.",
  "task.fileBytes": "Images of a diff; read_lines has text.",
  "task.seenSessions": ofScreens,
  "task.markSession": ofScreens,
  "task.markViewed": ofScreens,
  "repository.setUpWebhook": ofSecrets,
  "repository.archiveMerged": "A setting of the organization, made once by a person.",
  "drafts.get": "What a person has typed and not sent.",
  "drafts.save": "What a person has typed and not sent.",
  "notifications.get": ofPerson,
  "notifications.choose": ofPerson,
  "notifications.reset": ofPerson,
  "notifications.pause": ofPerson,
  "notifications.addDevice": ofPerson,
  "notifications.removeDevice": ofPerson,
  "notifications.setMailAddress": ofPerson,
  "notifications.setWebhook": ofPerson,
  "notifications.setSlack": ofPerson,
  "notifications.test": ofPerson,
  "notifications.retry": ofPerson,
  "notifications.dismiss": ofPerson,
  "attention.notificationDefaults": ofPerson,
  "attention.setNotificationDefaults": ofPerson,
  "billing.overview": ofMoney,
  "billing.plans": ofMoney,
  "billing.invoices": ofMoney,
  "billing.choosePlan": ofMoney,
  "billing.managePayment": ofMoney,
  "billing.refresh": ofMoney,
  "usage.setPrice": ofMoney,
  "usage.removePrice": ofMoney,
  "usage.saveBudget": ofMoney,
  "usage.deleteBudget": ofMoney,
  "administration.secrets": ofSecrets,
  "administration.setSecret": ofSecrets,
  "administration.deleteSecret": ofSecrets,
  "administration.savePolicy": "A program must not widen the rules that hold it.",
};
