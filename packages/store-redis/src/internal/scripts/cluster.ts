import { Script } from "./script.ts";

/** A session is stored as its expiry in milliseconds, whether it drains, and the run of the node. */
const parse = `
local function parse(value) return string.match(value, '^(%d+):(%d):(.*)$') end
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function changed(mark, kept)
  local revision = redis.call('HINCRBY', prefix .. 'cluster', 'revision', 1)
  redis.call('HSET', prefix .. 'marks', revision, mark)
  redis.call('HDEL', prefix .. 'marks', revision - kept)
end
local function latest()
  local revision = redis.call('HGET', prefix .. 'cluster', 'revision') or '0'
  return revision, redis.call('HGET', prefix .. 'marks', revision)
end
`;

/** Revision, its mark, the mark of a revision that was seen, time, nodes and leases, sessions. */
export const readClusterScript = new Script(
  "no-writes",
  `${parse}
local revision, mark = latest()
return {revision, mark, redis.call('HGET', prefix .. 'marks', arg()), now(),
  redis.call('HGET', prefix .. 'cluster', 'state'), redis.call('HGETALL', prefix .. 'sessions')}`,
);

/**
 * Writes nodes, leases and sessions, if the revision and these sessions are as they were read. All that keeps nodes
 * alive is accepted by a server whose memory is full, since they can still read and destroy.
 */
export const changeClusterScript = new Script(
  "allow-oom",
  `${parse}
local revision, state, mark, kept = arg(), arg(), arg(), tonumber(arg())
if latest() ~= revision then return 0 end
local sessions = {}
for i = 1, tonumber(arg()) do sessions[i] = {arg(), arg(), arg()} end
for _, s in ipairs(sessions) do
  if (redis.call('HGET', prefix .. 'sessions', s[1]) or '') ~= s[2] then return 0 end
end
for _, s in ipairs(sessions) do
  if s[3] == '' then
    redis.call('HDEL', prefix .. 'sessions', s[1])
  else
    local ttl, draining, run = parse(s[3])
    redis.call('HSET', prefix .. 'sessions', s[1],
      string.format('%.0f', now() + tonumber(ttl)) .. ':' .. draining .. ':' .. run)
  end
end
redis.call('HSET', prefix .. 'cluster', 'state', state)
changed(mark, kept)
return 1`,
);

/** Extends a session; the wish to drain is a change that others see. Nothing if the session has ended. */
export const renewScript = new Script(
  "allow-oom",
  `${parse}
local id, run, ttl, wish, mark, kept = arg(), arg(), tonumber(arg()), arg(), arg(), tonumber(arg())
local known = redis.call('HGET', prefix .. 'sessions', id)
if not known then return false end
local _, draining, own = parse(known)
if own ~= run then return false end
if wish == '1' and draining == '0' then
  draining = '1'
  changed(mark, kept)
end
local time, first = now(), false
redis.call('HSET', prefix .. 'sessions', id, string.format('%.0f', time + ttl) .. ':' .. draining .. ':' .. run)
local all = redis.call('HGETALL', prefix .. 'sessions')
for i = 1, #all, 2 do
  if all[i] ~= id then
    local expiry = tonumber((parse(all[i + 1])))
    if not first or expiry < first then first = expiry end
  end
end
local revision, latestMark = latest()
return {revision, latestMark, time, tonumber(draining), first and first - time}`,
);

export const drainScript = new Script(
  "allow-oom",
  `${parse}
local id, mark, kept = arg(), arg(), tonumber(arg())
local known = redis.call('HGET', prefix .. 'sessions', id)
changed(mark, kept)
if not known then return 0 end
local expiry, _, run = parse(known)
redis.call('HSET', prefix .. 'sessions', id, expiry .. ':1:' .. run)
return 1`,
);

/** Replaces the proofs of the secrets, if they are as expected. */
export const credentialsScript = new Script(
  "allow-oom",
  `local expected, next = arg(), arg()
if (redis.call('GET', prefix .. 'credentials') or '[]') ~= expected then return 0 end
redis.call('SET', prefix .. 'credentials', next)
return 1`,
);
