import { askControl, dataDirectoryOf, noArguments, notRunning, type OwnerLink, parse } from "@holdfast/cli";

export const urlUsage = `holdfast url [--data DIR] [--json]

Prints a new sign-in link to the running Studio. It works once, for five minutes.`;

export async function urlCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  if (values.help === true) {
    console.log(urlUsage);
    return 0;
  }
  noArguments(positionals);
  const link = await askControl<OwnerLink>(dataDirectoryOf(values.data), "/url");
  if (link === undefined) throw notRunning();
  const text = `${link.url}/#ticket=${link.ticket}`;
  console.log(values.json === true ? JSON.stringify({ url: link.url, link: text }) : text);
  return 0;
}
