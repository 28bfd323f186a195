/** `holdfast notifications`: what reaches the owner outside the Studio. */
import { harmless, jsonLine, UsageError } from "@holdfast/cli";
import type {
  NotificationActions,
  NotificationChannel,
  NotificationChoices,
  NotificationsView,
  StudioClient,
} from "@holdfast/studio";
import { readSecret } from "../gate/secret-input.ts";
import { commandOfVerbs } from "../verbs/command.ts";
import { type Verb, verb } from "../verbs/verb.ts";
import { channels, checkChoices, choiceOptions, choicesOf } from "./choices.ts";

const hourMs = 60 * 60_000;

export const notificationsCommand = commandOfVerbs({
  name: "notifications",
  default: "show",
  verbs: {
    show: verb({
      description: "shows where notifications go, when, and which were not delivered",
      run: ({ client, print }) => show(client, print),
    }),
    pause: verb({
      arguments: "[HOURS]",
      description: "delivers nothing for that long; without HOURS, until resume",
      check: ([hours]) => void pauseUntil(hours),
      run: ({ client, args: [hours], print }) => change(client, print, (own) => own.pause(pauseUntil(hours))),
    }),
    resume: verb({
      description: "delivers again",
      run: ({ client, print }) => change(client, print, (own) => own.pause(null)),
    }),
    test: verb({
      arguments: "CHANNEL",
      description: "sends a test: push (to every browser), mail, webhook or slack",
      check: ([channel]) => void channelOf(channel),
      run: async ({ client, args: [channel], json }) => test(await ownOf(client), channelOf(channel), json),
    }),
    set: verb({
      description: "chooses what is delivered when; what is not given stays as it is",
      options: choiceOptions,
      check: (_args, values) => checkChoices(values),
      run: ({ client, values, print }) =>
        change(client, print, async (own) => own.choose(choicesOf(values, (await own.get()).choices))),
    }),
    reset: verb({
      description: "takes the organization's defaults for all of it",
      run: ({ client, print }) => change(client, print, (own) => own.reset()),
    }),
    address: verb({
      arguments: "ADDRESS|off",
      description: "sets where mails go, for an operator without an account",
      run: ({ client, args: [address = ""], print }) =>
        change(client, print, (own) => own.setMailAddress(address === "off" ? null : address)),
    }),
    "webhook-url": verb({
      arguments: "URL|off",
      description: "sets where the webhook goes, and prints the secret that signs it, once",
      async run({ client, args: [url = ""], print }) {
        const { secret } = await (await ownOf(client)).setWebhook(url === "off" ? null : url);
        print({ webhook: url === "off" ? null : url, secret }, secret ?? "There is no webhook any more.");
      },
    }),
    "slack-url": verb({
      arguments: "[off]",
      description: "reads the address of a Slack webhook, which is a secret, from standard input",
      check([word]) {
        if (word !== undefined && word !== "off")
          throw new UsageError("The address is a secret: it is read from standard input");
      },
      run: ({ client, args: [word], print }) =>
        change(client, print, async (own) =>
          own.setSlack(word === "off" ? null : await readSecret("Address of the Slack webhook: ")),
        ),
    }),
    devices: verb({
      description: "lists the browsers that show notifications",
      async run({ client, json }) {
        const { devices } = await (await ownOf(client)).get();
        for (const device of devices) {
          const { id, name, error } = device;
          const problem = error === undefined ? "" : `  (${harmless(error)})`;
          console.log(json ? jsonLine(device) : `${id}  ${harmless(name)}${problem}`);
        }
        if (devices.length === 0 && !json) console.log("No browser shows notifications.");
      },
    }),
    "remove-device": verb({
      arguments: "ID",
      description: "shows none in a browser any more",
      run: ({ client, args: [id = ""], print }) => change(client, print, (own) => own.removeDevice(id)),
    }),
    retry: verb({
      arguments: "ID",
      description: "tries a delivery again that was given up, or waits",
      run: ({ client, args: [id = ""], print }) => change(client, print, (own) => own.retry(id)),
    }),
    dismiss: verb({
      arguments: "ID",
      description: "forgets a delivery that failed",
      run: ({ client, args: [id = ""], print }) => change(client, print, (own) => own.dismiss(id)),
    }),
    defaults: verb({
      description: "shows what holds for people who have not chosen themselves",
      run: async ({ client: { attention }, print }) =>
        printDefaults(await attention.notificationDefaults(), print),
    }),
    "set-defaults": verb({
      description: "chooses it; what is not given stays as it is",
      options: choiceOptions,
      check: (_args, values) => checkChoices(values),
      async run({ client, values, print }) {
        const { attention } = client;
        const before = await attention.notificationDefaults();
        // A default for one channel needs one for each: the others are as they are now.
        const { choices } = await (await ownOf(client)).get();
        const known = { kinds: before.kinds ?? choices.kinds, quietHours: before.quietHours ?? null };
        await attention.setNotificationDefaults({ ...before, ...choicesOf(values, known) });
        printDefaults(await attention.notificationDefaults(), print);
      },
    }),
  } satisfies Readonly<Record<string, Verb>>,
});

type Print = (value: unknown, text: string) => void;

async function ownOf(client: StudioClient) {
  return client.notifications((await client.organization.me()).id);
}

async function show(client: StudioClient, print: Print): Promise<void> {
  const view = await (await ownOf(client)).get();
  print(view, linesOf(view, Date.now()).join("\n"));
}

/** Changes the settings, and shows them. */
async function change(
  client: StudioClient,
  print: Print,
  apply: (own: NotificationActions) => Promise<void>,
): Promise<void> {
  await apply(await ownOf(client));
  await show(client, print);
}

function printDefaults(defaults: Partial<NotificationChoices>, print: Print): void {
  const { kinds, quietHours, mailAfterMinutes } = defaults;
  const lines = [
    ...channels.map((channel) => `${channel.padEnd(8)} ${kinds?.[channel].join(", ") || "none"}`),
    ...(quietHours ? [`quiet    ${quietHours.from} to ${quietHours.to}, ${quietHours.timeZone}`] : []),
    ...(mailAfterMinutes === undefined ? [] : [`mail     after ${mailAfterMinutes} minutes`]),
  ];
  print(defaults, Object.keys(defaults).length === 0 ? "The organization has set none." : lines.join("\n"));
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
      ({ id, channel, title, error, retryAt }) =>
        `${retryAt === undefined ? "Given up" : "Waiting "} ${channel}: ${harmless(title)}: ${harmless(error)} (${id})`,
    ),
  ];
}
