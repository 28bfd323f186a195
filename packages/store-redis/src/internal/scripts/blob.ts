import { Script } from "./script.ts";

/**
 * Makes an object of an upload, unless the actor has this content already; the other bytes are removed. The upload is
 * no longer pending.
 */
export const finishBlobScript = new Script(
  "",
  `local id, hash, upload, size, now = arg(), arg(), arg(), arg(), arg()
local known = redis.call('HGET', key('blob', id), hash)
local kept = known and string.match(known, '^[^:]*') or upload
redis.call('HSET', key('blob', id), hash, kept .. ':' .. size .. ':' .. now)
if kept ~= upload then redis.call('UNLINK', key('piece', id .. ':' .. upload)) end
redis.call('ZREM', prefix .. 'pending', 'upload ' .. id .. ' ' .. upload)
return 1`,
);

/** Removes the bytes of an upload that did not become an object. */
export const dropUploadScript = new Script(
  "allow-oom",
  `local id, upload = arg(), arg()
for _, value in ipairs(redis.call('HVALS', key('blob', id))) do
  if string.match(value, '^[^:]*') == upload then return 0 end
end
redis.call('UNLINK', key('piece', id .. ':' .. upload))
redis.call('ZREM', prefix .. 'pending', 'upload ' .. id .. ' ' .. upload)
return 1`,
);

export const removeBlobScript = new Script(
  "allow-oom",
  `local id, hash = arg(), arg()
local known = redis.call('HGET', key('blob', id), hash)
if not known then return 0 end
redis.call('UNLINK', key('piece', id .. ':' .. string.match(known, '^[^:]*')))
redis.call('HDEL', key('blob', id), hash)
return 1`,
);

/** Removes the objects from before a time to which no entry refers: the key of such an entry begins with a prefix and the hash. */
export const sweepScript = new Script(
  "allow-oom",
  `local id, before, references = arg(), tonumber(arg()), arg()
local blobs = redis.call('HGETALL', key('blob', id))
local removed = 0
for i = 1, #blobs, 2 do
  local hash, upload, created = blobs[i], string.match(blobs[i + 1], '^([^:]*):%d+:(-?%d+)$')
  local reference = references .. string.gsub(hash, '%x%x', function(pair) return string.char(tonumber(pair, 16)) end)
  local isUsed = #redis.call('ZRANGEBYLEX', key('kvk', id), '[' .. reference, '(' .. reference .. '\\255', 'LIMIT', 0, 1) > 0
  if not isUsed and tonumber(created) < before then
    redis.call('UNLINK', key('piece', id .. ':' .. upload))
    redis.call('HDEL', key('blob', id), hash)
    removed = removed + 1
  end
end
return removed`,
);
