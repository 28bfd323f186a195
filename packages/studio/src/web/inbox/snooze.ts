/** A time until which an entry can be hidden. */
export interface SnoozeChoice {
  readonly label: string;
  readonly until: number;
}

/** The choices at a time of the local clock, the earliest first. This evening is one until 17:00. */
export function snoozeChoices(now: Date): readonly SnoozeChoice[] {
  const at = (days: number, hour: number) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour).getTime();
  const daysToMonday = (8 - now.getDay()) % 7 || 7;
  return [
    { label: "In an hour", until: now.getTime() + 60 * 60_000 },
    ...(now.getHours() < 17 ? [{ label: "This evening", until: at(0, 18) }] : []),
    { label: "Tomorrow", until: at(1, 9) },
    ...(daysToMonday === 1 ? [] : [{ label: "Next week", until: at(daysToMonday, 9) }]),
  ];
}
