import { type Bucket, type Rate, refill, waitFor } from "./rates.ts";

/** Whose buckets are counted together. */
export interface BucketSubject {
  readonly kind: "session" | "user" | "organization";
  readonly id: string;
}

/** A change of one bucket. */
export interface BucketRequest {
  readonly bucket: string;
  readonly rate: Rate;
  /** Subtracted in any case: what was used beyond earlier grants. Negative where an unused grant is returned. */
  readonly charge: number;
  /** The least that is of use; less than this is not granted. 0 for a charge alone. */
  readonly needed: number;
  /** The most that is granted. */
  readonly wanted: number;
}

/** What a request to a bucket was granted. */
export interface BucketGrant {
  /** Between `needed` and `wanted`, or 0. */
  readonly granted: number;
  /** Milliseconds until `needed` is left; null where it never is, or was granted. */
  readonly retryAfterMs: number | null;
}

/**
 * Port: token buckets that the gates of all nodes take from. What it grants to all nodes together never exceeds the
 * rate, except by charges.
 */
export interface SharedBuckets {
  take(subject: BucketSubject, requests: readonly BucketRequest[]): Promise<readonly BucketGrant[]>;
}

/** Applies requests to the buckets of one subject, one after the other. */
export function takeFromBuckets(
  buckets: Record<string, Bucket>,
  now: number,
  requests: readonly BucketRequest[],
): BucketGrant[] {
  return requests.map(({ bucket, rate, charge, needed, wanted }) => {
    const { left, at } = (Object.hasOwn(buckets, bucket) ? buckets[bucket] : undefined) ?? {
      left: rate.burst,
      at: now,
    };
    const current = { left, at };
    refill(current, rate, now);
    current.left = Math.min(rate.burst, current.left - charge);
    const granted = needed > 0 && current.left >= needed ? Math.min(wanted, current.left) : 0;
    const missing = needed - current.left;
    buckets[bucket] = { left: current.left - granted, at: current.at };
    const isRefused = needed > 0 && granted === 0;
    return { granted, retryAfterMs: isRefused ? (waitFor(missing, rate) ?? null) : null };
  });
}
