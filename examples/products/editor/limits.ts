/** Limits of the product, checked by the server and said by the page. */
export const limits = {
  nameCharacters: 40,
  titleCharacters: 100,
  documentCharacters: 200_000,
  /** Of what is stored of one document: its text and the marks of what was deleted. */
  documentBytes: 1_500_000,
  /** Of one message between page and server; holds the largest document. */
  messageBytes: 2_000_000,
  membersOfDocument: 50,
  linksOfDocument: 20,
  versionsOfDocument: 100,
  documentsOfAccount: 200,
  labelCharacters: 60,
  linkDays: 30,
} as const;
