const originPlaceholder = "{origin}";

/** Variables in which `{origin}` stands for the address of the forwarder in the jail. */
export function withOrigin(
  variables: Readonly<Record<string, string>>,
  origin: string,
): Readonly<Record<string, string>> {
  const filled = Object.entries(variables).map(([name, value]) => [
    name,
    value.replaceAll(originPlaceholder, origin),
  ]);
  return Object.fromEntries(filled);
}
