/** What people may enter, for the pages and for the server, which checks it. Lengths are characters. */
export const limits = {
  nameLength: 40,
  emailLength: 120,
  minPasswordLength: 8,
  maxPasswordLength: 200,
  subjectLength: 100,
  messageLength: 4_000,
  /** Messages of one ticket. */
  messages: 500,
  tags: 8,
  tagLength: 24,
  agents: 100,
  searchLength: 80,
  /** Tickets in one answer of a list. */
  listed: 100,
} as const;
