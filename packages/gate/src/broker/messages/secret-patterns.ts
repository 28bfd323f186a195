/** A kind of secret that is known by how it looks. */
export interface SecretPattern {
  readonly name: string;
  /** Lower-case texts of which one is in everything that matches: the cheap question that is asked first. */
  readonly hints: readonly string[];
  /**
   * Global. What its group `secret` matched is taken out, or the whole match where it has none. Its time grows as the
   * text does, whatever that holds: agents and pages choose it, and the whole gate waits meanwhile.
   */
  readonly expression: RegExp;
}

const assigned =
  /\b(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|client[_-]?secret)["']?\s*(?:=\s*["']?(?<secret>[^\s"',;&<>(){}[\]]{4,})|:\s*["']?(?=[^\s"',;]{0,255}\d)(?<told>[^\s"',;&<>(){}[\]]{8,}))/gi;

/** Secrets by their look. A value that the vault knows is found without these, in every form. */
export const secretPatterns: readonly SecretPattern[] = [
  { name: "anthropic", hints: ["sk-ant-"], expression: /sk-ant-[A-Za-z0-9_-]{16,}/g },
  {
    name: "openai",
    hints: ["sk-", "pk-", "rk-"],
    // Shorter ones hold a digit: words that begin so are left alone.
    expression:
      /\b[srp]k-(?:(?!ant-)(?:proj-|svcacct-|or-v1-|live-|test-)?[A-Za-z0-9_-]{16,}|(?=[A-Za-z]*\d)[A-Za-z0-9]{8,})/g,
  },
  {
    name: "stripe",
    hints: ["_live_", "_test_"],
    expression: /\b(?:sk|rk|pk|whsec)_(?:live|test)_[A-Za-z0-9]{8,}/g,
  },
  { name: "slack", hints: ["xox"], expression: /\bxox[abeoprs]-[A-Za-z0-9-]{8,}/g },
  {
    name: "slack-webhook",
    hints: ["hooks.slack.com"],
    expression: /hooks\.slack\.com\/services\/[A-Za-z0-9/_-]{16,}/g,
  },
  {
    name: "jwt",
    hints: ["eyj"],
    // That two dots follow is asked once for each word, and not once for each place in it where one could begin.
    expression:
      /(?<![\w-])(?=[\w-]{11,}\.[\w-]{8,}\.[\w-]{8})[\w-]*?\b(?<secret>eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})/g,
  },
  { name: "aws-key-id", hints: ["akia", "asia"], expression: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  {
    name: "aws-secret",
    hints: ["aws"],
    expression: /aws[_-]?secret[_-]?(?:access[_-]?)?key["']?\s*[=:]\s*["']?(?<secret>[A-Za-z0-9/+=]{40})/gi,
  },
  {
    name: "github",
    hints: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
    expression: /\bgh[pousr]_[A-Za-z0-9]{16,}/g,
  },
  { name: "github-pat", hints: ["github_pat_"], expression: /\bgithub_pat_[A-Za-z0-9_]{16,}/g },
  { name: "gitlab", hints: ["glpat-"], expression: /\bglpat-[A-Za-z0-9_-]{16,}/g },
  { name: "npm", hints: ["npm_"], expression: /\bnpm_[A-Za-z0-9]{20,}/g },
  { name: "google", hints: ["aiza"], expression: /\bAIza[A-Za-z0-9_-]{30,}/g },
  { name: "google-oauth", hints: ["ya29."], expression: /\bya29\.[A-Za-z0-9_-]{16,}/g },
  { name: "hugging-face", hints: ["hf_"], expression: /\bhf_[A-Za-z0-9]{20,}/g },
  { name: "sendgrid", hints: ["sg."], expression: /\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g },
  {
    name: "bearer",
    hints: ["bearer"],
    expression:
      /\bbearer\s+(?<secret>[A-Za-z0-9._~+/=-]{16,}|(?=[A-Za-z._~+/=-]*\d)[A-Za-z0-9._~+/=-]{6,}|eyJ[A-Za-z0-9._-]{4,})/gi,
  },
  {
    name: "basic",
    hints: ["basic"],
    expression: /\bauthorization:\s*basic\s+(?<secret>[A-Za-z0-9+/=]{8,})/gi,
  },
  {
    name: "api-key-header",
    hints: ["x-api-key"],
    expression: /x-api-key["']?\s*[:=]\s*["']?(?<secret>[^\s"',]{8,})/gi,
  },
  {
    name: "url",
    hints: ["://"],
    // To the last @: a password may hold one that nobody escaped.
    expression: /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"']{0,128}:(?<secret>[^\s/"'?#]{1,256})@/gi,
  },
  {
    name: "private-key",
    hints: ["private key"],
    expression:
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
  },
  {
    name: "assigned",
    hints: [
      "passw",
      "passphrase",
      "pwd",
      "secret",
      "token",
      "api_key",
      "api-key",
      "apikey",
      "access_key",
      "access-key",
      "accesskey",
    ],
    expression: assigned,
  },
];
