/** A kind of secret that is recognised by its format. */
export interface SecretPattern {
  readonly name: string;
  /** Lower-case texts; every match contains one of them. They are searched first, since that is cheap. */
  readonly hints: readonly string[];
  /**
   * Global. Its group `secret` is redacted, or the whole match without such a group. It must run in linear time on any
   * text: agents choose the text, and the gate blocks during the match.
   */
  readonly expression: RegExp;
}

const assigned =
  /\b(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|client[_-]?secret)["']?\s*(?:=\s*["']?(?<secret>[^\s"',;&<>(){}[\]]{4,})|:\s*["']?(?=[^\s"',;]{0,255}\d)(?<value>[^\s"',;&<>(){}[\]]{8,}))/gi;

/** Formats of secrets. Values in the vault are found without them, in every encoding. */
export const secretPatterns: readonly SecretPattern[] = [
  { name: "anthropic", hints: ["sk-ant-"], expression: /sk-ant-[A-Za-z0-9_-]{16,}/g },
  {
    name: "openai",
    hints: ["sk-", "pk-", "rk-"],
    // Shorter ones must contain a digit, so that ordinary words with this prefix do not match.
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
    // The lookahead for two dots runs once per word, not at each position in it.
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
    // Up to the last @: a password can contain an unescaped one.
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
