/** Limits of what people enter: the page shows them, and the server checks them. */
const dayMs = 86_400_000;

export const limits = {
  maxNameLength: 60,
  minPasswordLength: 10,
  maxPasswordLength: 200,
  maxTitleLength: 120,
  maxReviewers: 10,
  maxCommentLength: 2_000,
  maxComments: 200,
  maxVersions: 30,
  maxFileBytes: 10 * 1024 * 1024,
  maxTextLength: 200_000,
  maxDocuments: 500,
  maxAuditEntries: 2_000,
  maxMessages: 200,
  minRemindDays: 1,
  maxRemindDays: 30,
  /** Reminders of one reviewer before somebody else may decide. */
  reminders: 2,
  linkDays: 90,
  dayMs,
};
