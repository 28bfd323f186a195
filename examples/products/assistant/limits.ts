/** What people may enter, for the page and for the server, which checks it. Lengths are characters. */
export const limits = {
  nameLength: 40,
  minPasswordLength: 8,
  maxPasswordLength: 200,
  messageLength: 8_000,
  titleLength: 80,
  memoryLength: 300,
  reminderLength: 200,
  conversations: 200,
  memories: 100,
  reminders: 50,
  /** A year. */
  reminderMinutes: 525_600,
} as const;
