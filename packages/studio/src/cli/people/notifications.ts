/** `holdfast notifications`: what reaches the owner outside the Studio. */
import { harmless, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import type { NotificationActions, NotificationChannel, NotificationsView } from "@holdfast/studio";
import { withOwnerAccess } from "../server/owner.ts";

export const notificationsUsage = `holdfast notifications [show] | pause [HOURS] | resume | test CHANNEL

  show           shows where notifications go, when, and which were not delivered
  pause [HOURS]  delivers nothing for that long; without HOURS, until resume
  resume         delivers again
  test CHANNEL   sends a test: push (to every browser), mail, webhook or slack
  --data DIR     data directory (default: HOLDFAST_DATA or .holdfast)
  --json         machine-readable output`;

const channels = ["push", "mail", "webhook", "slack"] as const satisfies readonly NotificationChannel[];
const hourMs = 60 * 60_000;

export async function notificationsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  if (values.help === true) {
    console.log(notificationsUsage);
    return 0;
  }
  const [given = "show", argument, ...more] = positionals;
  const verb = verbOf("notifications", ["show", "pause", "resume", "test"], given);
  noArguments(verb === "pause" || verb === "test" || argument === undefined ? more : [argument, ...more]);
  const until = verb === "pause" ? pauseUntil(argument) : null;
  const channel = verb === "test" ? channelOf(argument) : undefined;
  const json = values.json === true;
  return withOwnerAccess(values, async ({ client }) => {
    const notifications = client.notifications((await client.organization.me()).id);
    if (channel !== undefined) return test(notifications, channel, json);
    if (verb !== "show") await notifications.pause(until);
    const view = await notifications.get();
    if (json) console.log(jsonLine(view));
    else for (const line of linesOf(view, Date.now())) console.log(line);
    return 0;
  });
}

function pauseUntil(hours: string | undefined): number {
  if (hours === undefined) return Number.MAX_SAFE_INTEGER;
  const count = Number(hours);
  if (!(count > 0 && count <= 24 * 366))
    throw new UsageError("HOURS must be a number above 0, at most a year");
  return Date.now() + Math.round(count * hourMs);
}

function channelOf(given: string | undefined): NotificationChannel {
  const channel = channels.find((each) => each === given);
  if (channel === undefined) throw new UsageError(`CHANNEL must be one of ${channels.join(", ")}`);
  return channel;
}

/** 1 if a test was not delivered. */
async function test(
  notifications: NotificationActions,
  channel: NotificationChannel,
  json: boolean,
): Promise<number> {
  const devices = channel === "push" ? (await notifications.get()).devices : [];
  const targets = devices.length === 0 ? [undefined] : devices;
  let exit = 0;
  for (const device of targets) {
    const result = await notifications.test(channel, device?.id);
    if (!result.isDelivered) exit = 1;
    const name = device === undefined ? channel : `${channel} (${harmless(device.name)})`;
    if (json) console.log(jsonLine({ channel, ...(device && { device: device.id }), ...result }));
    else console.log(`${name}: ${result.isDelivered ? "sent" : `not sent. ${harmless(result.error ?? "")}`}`);
  }
  return exit;
}

/** The settings as lines for people. */
export function linesOf(view: NotificationsView, now: number): readonly string[] {
  const { pausedUntil, devices, mail, webhook, slack, choices, failures } = view;
  const { quietHours } = choices;
  const time = (at: number) => new Date(at).toISOString();
  const isEndless = pausedUntil === Number.MAX_SAFE_INTEGER;
  const paused = isEndless ? "until you resume" : `until ${time(pausedUntil ?? 0)}`;
  return [
    ...(pausedUntil !== null && pausedUntil > now ? [`Paused   ${paused}`] : []),
    `Browsers ${devices.map(({ name }) => harmless(name)).join(", ") || "none"}`,
    `Mail     ${mail.isAvailable ? harmless(mail.address ?? "no address") : "no mail server (HOLDFAST_SMTP_URL)"}`,
    `Webhook  ${webhook === null ? "none" : harmless(webhook)}`,
    `Slack    ${slack === null ? "none" : harmless(slack)}`,
    `Quiet    ${quietHours === null ? "no hours" : `${quietHours.from} to ${quietHours.to}, ${quietHours.timeZone}`}`,
    ...failures.map(
      ({ channel, title, error, retryAt }) =>
        `${retryAt === undefined ? "Given up" : "Waiting "} ${channel}: ${harmless(title)}: ${harmless(error)}`,
    ),
  ];
}
