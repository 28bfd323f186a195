/** The rule for names of secrets, for messages. */
export const secretNameRule = "1 to 100 of a-z, 0-9, dot, dash and underscore, the first a letter or digit";

/** Whether `name` follows {@link secretNameRule}. */
export function isSecretName(name: unknown): name is string {
  return typeof name === "string" && /^[a-z0-9][a-z0-9._-]{0,99}$/.test(name);
}
