//! Lua scripts, which the server runs atomically. Each script uses only one key, so that a cluster can run it.

use std::sync::OnceLock;

use redis::Cmd;

/// `KEYS[1]` record · `ARGV` generation, sealed, seconds to live, rule, changes. A write that is repeated after
/// its response was lost finds its own value, and succeeds.
pub(super) static SAVE: Script = Script::new(
    r"local there = redis.call('HMGET', KEYS[1], 'generation', 'sealed', 'changes')
    if there[1] then
        local old, new = tonumber(there[1]), tonumber(ARGV[1])
        if old == new then old, new = tonumber(there[3] or 0), tonumber(ARGV[5]) end
        local same = old == new and (ARGV[4] == 'same' or there[2] == ARGV[2])
        if old > new or (old == new and not same) then return 0 end
    elseif ARGV[4] ~= 'none' then
        return 0
    end
    redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'changes', ARGV[5], 'sealed', ARGV[2])
    redis.call('EXPIRE', KEYS[1], ARGV[3])
    return 1",
);

/// `KEYS[1]` lock · `ARGV` holder, seconds to live.
pub(super) static LOCK: Script = Script::new(
    r"if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 1 end
    if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
    return 0",
);

/// `KEYS[1]` lock · `ARGV` holder.
pub(super) static UNLOCK: Script = Script::new(
    r"if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
    return 0",
);

/// `KEYS[1]` index · `ARGV` member, seconds to live.
pub(super) static INDEX_ADD: Script = Script::new(
    r"redis.call('SADD', KEYS[1], ARGV[1])
    if redis.call('TTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
    return 1",
);

/// A script, which servers cache by its hash.
pub(super) struct Script {
    code: &'static str,
    hash: OnceLock<String>,
}

/// A script with its key and arguments.
pub(super) struct ScriptCall<'a> {
    pub(super) script: &'static Script,
    pub(super) key: String,
    pub(super) arguments: &'a [&'a str],
}

impl Script {
    const fn new(code: &'static str) -> Self {
        Self { code, hash: OnceLock::new() }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| redis::Script::new(self.code).get_hash().to_owned())
    }
}

impl ScriptCall<'_> {
    /// The command for a server that has cached the script.
    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", self.script.hash())
    }

    /// The command for a server that has not, and caches it from then on. In a cluster each server caches on its own, so
    /// that an unreachable server affects no other.
    pub(super) fn by_code(&self) -> Cmd {
        self.command("EVAL", self.script.code)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(1).arg(&self.key).arg(self.arguments);
        command
    }
}
