/** Limits of the Studio, in bytes and milliseconds. Documented in docs/limits-studio.md. */
export const studioLimits = {
  /** Timeout of one request to a forge. */
  forgeTimeoutMs: 30_000,
  /** Attempts to read from a forge; the pause before the second one, which then quadruples. */
  forgeAttempts: 3,
  forgeBackoffMs: 250,
  /** Longest time that a forge's rate limit can ask for. GitHub's own limits end within an hour. */
  maxForgeRateWaitMs: 60 * 60 * 1000,
  /** Age of a signed delivery with a time, and how far its clock may be ahead. */
  webhookToleranceMs: 5 * 60 * 1000,
  /** Time between two comparisons of a repository with its forge. */
  repositoryReconcileMs: 30 * 60 * 1000,
  /** How long a sync reads before it makes room for other work of its actor, and how often it reports its progress. */
  repositorySyncSliceMs: 20_000,
  repositoryReportMs: 1_000,
  /** First pause after a forge that does not answer; it doubles up to maxForgeRateWaitMs. */
  repositoryRetryMs: 60_000,
  /** How long the id of a webhook is kept, to drop repetitions. */
  webhookMemoryMs: 7 * 24 * 60 * 60 * 1000,
  /** A webhook of a forge. GitHub sends up to 25 MB, nearly all of them pushes of thousands of commits. */
  maxForgeWebhookBytes: 5 * 1024 * 1024,
  /** One push of a task's commit to a forge. */
  pushTimeoutMs: 10 * 60 * 1000,
  /** Title and body of a pull request, and the people who are asked to review it. */
  maxPullRequestTitle: 250,
  maxPullRequestBody: 32 * 1024,
  maxReviewers: 15,
  maxAssignees: 10,
  /** Of the text of an issue or a comment that a webhook brings. */
  maxEventTextCharacters: 4_000,
  maxEventTasksPerHour: 20,
  maxPendingSshKeys: 20,
  maxPullRequestLabels: 50,
  maxPullRequestTemplates: 10,
  maxPullRequestTemplateBytes: 16 * 1024,
  /** People, and labels, that are proposed while a pull request is written. */
  maxPublishChoices: 300,
  /** Time between two looks at open pull requests of a repository without webhooks. */
  pullRequestReadMs: 60_000,
  /** Pause after a webhook about a pull request: those that follow at once are answered by one look. */
  pullRequestDelayMs: 500,
  /** Looks at a pull request of which the forge has not computed yet whether it can be merged. */
  maxMergeableReads: 4,
  /** What a task keeps of its pull request: checks and the newest comments, each with its text cut. */
  maxPullRequestChecks: 100,
  maxPullRequestComments: 100,
  maxPullRequestComment: 4 * 1024,
  maxPullRequestCommentBytes: 128 * 1024,
  /** Refused deliveries of a webhook that are shown. */
  maxWebhookFailures: 10,
  /** The text of a pull request that a task can start with. */
  maxPullRequestTextCharacters: 20_000,
  /** Repositories of an organization. */
  maxRepositories: 1_000,
  /** An answer of a forge: 100 pull requests have a few MB. */
  maxForgeResponseBytes: 32 * 1024 * 1024,
  /** Days of one report about usage; rows of a report, and lines of a page of the complete data. */
  maxUsageDays: 366,
  maxUsageRows: 1_000,
  /** How long it is known what was counted, so that it is not counted again. */
  usageCauseMemoryMs: 90 * 24 * 60 * 60 * 1000,
  /** Edited prices, budgets, and states of budgets in one answer. */
  maxPrices: 500,
  maxBudgets: 100,
  maxBudgetUses: 200,
  /** Billing: the file of the plans, and how many. */
  maxPlansFileBytes: 256 * 1024,
  maxPlans: 20,
  /** One request to Stripe; a webhook of it, and how long its id is kept. */
  stripeTimeoutMs: 20_000,
  maxStripeWebhookBytes: 1024 * 1024,
  billingEventMemoryMs: 30 * 24 * 60 * 60 * 1000,
  /** Time between two looks at a customer, which report what was used; the first pause after one that failed, which doubles. */
  billingReadMs: 60 * 60 * 1000,
  billingRetryMs: 30_000,
  /** Until when a report of usage is sent again whose answer was lost: Stripe knows its id for a day. */
  usageReportMs: 23 * 60 * 60 * 1000,
  /** Invoices that are shown. */
  maxInvoices: 100,
  /** A prompt's text in UTF-8. */
  maxPromptBytes: 32 * 1024,
  /** Domains whose people join without an invitation. */
  maxSignInDomains: 50,
  /** Labels of a task, and the characters of one. */
  maxTaskLabels: 20,
  maxTaskLabelCharacters: 50,
  /** Views of the list that one person saves, the name of one, and one as JSON. */
  maxSavedViews: 30,
  maxViewNameCharacters: 60,
  maxViewBytes: 8 * 1024,
  /** Access to a preview: how long it lasts unless it is asked for again, its first ticket, and all of them. */
  previewMs: 60 * 60 * 1000,
  previewTicketMs: 60 * 1000,
  maxPreviews: 500,
  /** Files of one prompt, one of them, and all of them. */
  maxAttachments: 10,
  maxAttachmentBytes: 10 * 1024 * 1024,
  /** Bytes of a message to /mcp. */
  maxMcpMessageBytes: 1024 * 1024,
  maxAttachmentsBytes: 20 * 1024 * 1024,
  /** Files that the agent gets in the prompt itself; larger ones are placed in its workspace. */
  maxInlineImageBytes: 5 * 1024 * 1024,
  maxInlineTextBytes: 64 * 1024,
  /** How long a file stays that is not sent. */
  unsentAttachmentMs: 7 * 24 * 60 * 60 * 1000,
  /** Drafts of a person. The oldest make room. */
  maxDrafts: 200,
  /** Schedules, the characters of the name of one, and the time between two of its runs. */
  maxSchedules: 100,
  maxScheduleNameCharacters: 80,
  minScheduleIntervalMs: 5 * 60 * 1000,
  /** Options of its agent that a task can choose, and the characters of an id or a value. */
  maxAgentOptions: 20,
  maxAgentOptionCharacters: 200,
  /** Sessions of a task: those that are open at the same time, and all. The name of one. */
  maxOpenSessions: 8,
  maxSessions: 50,
  maxSessionNameCharacters: 60,
  /** Queued prompts of a session. */
  maxQueuedPrompts: 20,
  /** All patches of one diff, and the patch of one file. */
  maxDiffBytes: 2 * 1024 * 1024,
  maxPatchBytes: 256 * 1024,
  maxDiffFiles: 5_000,
  /** A complete diff as JSON, which must fit into one response. The longest patches are omitted first. */
  maxDiffMessageBytes: 960 * 1024,
  /** A review in one answer: the marks of viewed files, and the comments, as JSON. */
  maxViewedBytes: 512 * 1024,
  maxCommentsBytes: 384 * 1024,
  /** One comment of a review: its text, and the lines that it quotes. */
  maxCommentBytes: 4 * 1024,
  maxQuoteBytes: 8 * 1024,
  /** Parts of a patch or a file in one answer; the largest that is shown. Lines of context in one answer. */
  maxFilePartBytes: 384 * 1024,
  maxShownFileBytes: 16 * 1024 * 1024,
  maxContextLines: 500,
  /** Reverts of a task that can be undone; states of the files that it remembers, one for each turn. */
  maxReverts: 20,
  maxTurnTrees: 20,
  /** Entries of a folder, and matches of a search, of files that are shown without a sandbox. */
  maxFolderEntries: 5_000,
  maxSavedMatches: 200,
  /** Tasks on top of a task. */
  maxStackChildren: 50,
  /** Commits of the agent that can be looked at one by one. */
  maxCommitsShown: 100,
  /** Files that one call marks as viewed. */
  maxMarksPerCall: 200,
  /** Lines of a quote that the agent gets. */
  maxQuotedLines: 40,
  /** Entries of a person's inbox. Beyond, the oldest go, those that are done first. */
  maxInboxEntries: 2_000,
  maxInboxPage: 100,
  maxInboxIdsPerCall: 100,
  /** Characters of an entry's text. */
  maxInboxText: 500,
  maxSnoozeMs: 366 * 24 * 60 * 60 * 1000,
  /** Browsers of a person that show notifications, and the length of an address that one enters. */
  maxNotificationDevices: 20,
  maxNotificationAddress: 2_048,
  /** Notifications of a person that are kept, for how long after they were delivered or given up, and what is shown. */
  maxDeliveries: 2_000,
  deliveryMemoryMs: 7 * 24 * 60 * 60 * 1000,
  maxFailedDeliveries: 20,
  /** Notifications that one run sends, and those that reach a device one by one: more are one. */
  maxDeliveriesPerRun: 50,
  maxSeparatePushes: 3,
  /** Attempts, the pause before the second one, which then quadruples, and the longest that a receiver can ask for. */
  notificationAttempts: 7,
  notificationPauseMs: 10_000,
  maxNotificationPauseMs: 6 * 60 * 60 * 1000,
  /** One request to a push service or a webhook. */
  notificationTimeoutMs: 10_000,
  /** Characters of what an approval would do, up to which it can be allowed in a notification. */
  maxNotificationDetail: 300,
  /** How long a code proves an account at a forge. */
  accountLinkMs: 60 * 60_000,
  /** Undelivered news of tasks, and the size of each: an approval in full. */
  maxWaitingNews: 100_000,
  maxNewsBytes: 256 * 1024,
  /** The queue of open approvals in one answer. */
  maxApprovalsShown: 200,
  maxApprovalQueueBytes: 768 * 1024,
  /** Text of a task that a search finds: all of it, one piece, and the pieces of one call. The oldest make room. */
  maxTaskTextBytes: 256 * 1024,
  maxTextPieceBytes: 16 * 1024,
  maxTextPiecesPerPush: 8,
  /** Text of all tasks that a search finds. The transcripts of the oldest tasks make room. */
  maxSearchTextBytes: 512 * 1024 * 1024,
  /** Files that are counted for the size of a task on disk. With more, the size is a lower bound. */
  maxCountedFiles: 200_000,
  /** Git's output that lists the changed files. */
  maxDiffListBytes: 16 * 1024 * 1024,
  /** Timeout of each git command while cloning. Large repositories need minutes. */
  cloneTimeoutMs: 30 * 60 * 1000,
  /** A file of a repository that describes its environment. */
  maxEnvironmentFileBytes: 64 * 1024,
  maxEnvironmentSteps: 20,
  /** Services of an environment, in each jail. */
  maxServices: 5,
  /** Time limit of one step, unless the file sets another; the longest that it can set. */
  environmentStepMs: 15 * 60 * 1000,
  maxEnvironmentStepMs: 60 * 60 * 1000,
  /** The end of a step's output that is kept. */
  maxStepOutputBytes: 16 * 1024,
  /** Sandboxes on failed steps: how many run at once, and for how long after the last terminal was closed. */
  maxFailedStepSandboxes: 2,
  failedStepIdleMs: 10 * 60 * 1000,
  /** Checks of a repository; the newest results of each, by the state of the files; places found in one output. */
  maxChecks: 10,
  maxCheckRuns: 5,
  maxCheckProblems: 50,
  maxCheckMessage: 300,
  /** The end of a check's output that is kept, and what the agent gets of a failure. */
  maxCheckOutput: 16 * 1024,
  maxCheckPrompt: 12 * 1024,
  /** The same of a check of an attempt that did not pass. */
  maxAttemptCheckOutput: 4 * 1024,
  /** How often the output of a step or a check is recorded, at most. */
  stepOutputMs: 250,
  /** Snapshots of one repository that stay on a machine. */
  maxEnvironmentsPerRepository: 3,
  /** The pack of changed objects from a jail. */
  maxSnapshotBytes: 1024 * 1024 * 1024,
  /** On several nodes: each archive of a snapshot of a task's files. */
  maxTaskArchiveBytes: 2 * 1024 * 1024 * 1024,
  /** An ACP envelope. A longer one is replaced by a note with its size. */
  maxEnvelopeBytes: 256 * 1024,
  /** Nesting depth of an envelope. A deeper one is replaced by a note. */
  maxEnvelopeDepth: 40,
  /** The log of one session. */
  maxSessionBytes: 256 * 1024 * 1024,
  /** Size of a page of events, in addition to its count. */
  maxEventPageBytes: 768 * 1024,
  maxEventsPerPage: 1_000,
  /** The transcript for a new agent that cannot load the old session. */
  maxTranscriptPromptBytes: 48 * 1024,
  /** The text of an approval. */
  maxApprovalDetailBytes: 16 * 1024,
  maxPendingApprovals: 32,
  maxAnswersPerCall: 100,
  /**
   * Attempts to deliver a question to a webhook; the pause before the second one, which then quadruples; the timeout
   * of each.
   */
  approvalHookAttempts: 3,
  approvalHookPauseMs: 1_000,
  approvalHookTimeoutMs: 10_000,
  approvalTtlMs: 24 * 60 * 60 * 1000,
  /** Grace period between `session/cancel` and stopping the jail. */
  stopGraceMs: 800,
  agentStartTimeoutMs: 60_000,
  /** Idle agents are stopped after this time, unless a terminal in their sandbox is open. At most `maxIdleAgents` stay up. */
  idleAgentMs: 5 * 60 * 1000,
  maxIdleAgents: 2,
  /** How often a prompt is resumed after the server crashed during its turn. */
  maxAttempts: 5,
  jailMemoryBytes: 4 * 1024 * 1024 * 1024,
  jailPids: 2_048,
  jailTmpBytes: 1024 * 1024 * 1024,
  /** Workspace and home of a task together. */
  jailDiskBytes: 64 * 1024 * 1024 * 1024,
  jailDiskEntries: 4_000_000,
  ticketTtlMs: 5 * 60 * 1000,
  loginTtlMs: 30 * 24 * 60 * 60 * 1000,
  maxLogins: 100,
  /** With people: how long an e-mail address is reserved for a sign-up. */
  reservationMs: 60_000,
  /** The session of a person; it is extended once a day while it is used. */
  personSessionMs: 30 * 24 * 60 * 60 * 1000,
  maxSessionsPerPerson: 50,
  maxTokensPerPerson: 50,
  maxTokenDays: 366,
  maxPasskeysPerPerson: 20,
  /** How long a browser may wait for the answer of a passkey. */
  passkeyChallengeMs: 15 * 60 * 1000,
  /** How long a person may take at a provider, and one request to it. */
  providerSignInMs: 10 * 60 * 1000,
  providerTimeoutMs: 10_000,
  /** A link to reset a password; between two of them for one address. */
  passwordResetTtlMs: 60 * 60 * 1000,
  signInLinkTtlMs: 15 * 60 * 1000,
  resetPauseMs: 60_000,
  /** Pause before an organization hears again of an account at a forge; it quadruples, up to the maximum. */
  forgeAccountPauseMs: 10_000,
  maxForgeAccountPauseMs: 60 * 60 * 1000,
  /** How often it is noted that a member was seen. */
  memberSeenMs: 5 * 60 * 1000,
  invitationTtlMs: 7 * 24 * 60 * 60 * 1000,
  maxInvitations: 200,
  maxMembers: 1_000,
  /** Organizations of a server, besides its first one. */
  maxOrganizations: 1_000,
  maxOrganizationsPerPerson: 20,
  /** An archive of an organization, unpacked, and one part of it. */
  maxArchiveBytes: 8 * 1024 ** 3,
  maxArchiveEntryBytes: 32 * 1024 * 1024,
  maxPeopleBodyBytes: 16 * 1024,
  /** On several nodes: how long a node knows a login that another one may have ended. */
  loginCacheMs: 10_000,
  /** On several nodes: how often a node that does not hear of the others checks again what people have open. */
  accessRecheckMs: 10_000,
  /** On several nodes: how long all of them are waited for when one tells what they have. */
  nodeAnswerMs: 2_000,
  /** On several nodes: how long the others are waited for while they remove the files of an organization. */
  removeFilesMs: 60_000,
  /** On several nodes: a message between nodes, which carries values that one process passes by reference. */
  maxNodeMessageBytes: 4 * 1024 * 1024,
  maxGroupsFileBytes: 256 * 1024,
  maxGroups: 64,
  maxWebhooks: 16,
  maxWebhookPromptCharacters: 4_000,
  /** The body of a webhook request. The agent gets its first 16,000 characters. */
  maxWebhookBytes: 1024 * 1024,
  /** Waiting events of one group. */
  maxWaitingEvents: 100,
  /** Events that a group stores, and deduplicates against. */
  maxKeptEvents: 2_000,
  maxEventsShown: 50,
  /** Sessions that a group can resume. */
  maxGroupSessions: 50,
  /** A session that was unused for longer cannot be resumed. */
  sessionResumeMs: 24 * 60 * 60 * 1000,
  /** Pause before retrying an event that failed to start. Quadruples each time, up to the maximum. */
  beginRetryMs: 2_000,
  maxBeginRetryMs: 15 * 60 * 1000,
  /** After this many attempts, the event has failed. */
  maxBeginAttempts: 7,
  /** How long a plugin's event waits while the Studio starts. */
  eventAcceptMs: 5_000,
  /** Timeout for loading a memory brief. */
  memoryBriefMs: 5_000,
  maxMemoryBriefCharacters: 10_000,
} as const;

/** `studioLimits` with its literal types widened to numbers. */
export type StudioLimits = { readonly [Name in keyof typeof studioLimits]: number };
