#include "values.hpp"

#include <array>
#include <iterator>

namespace fuzz {
namespace {

using harness::Dice;

template <std::size_t N>
const char *pick(const std::array<const char *, N> &values, Dice &dice) {
  return values.at(static_cast<std::size_t>(dice.roll(0, N - 1)));
}

std::string repeat(const std::string &piece, std::int64_t times) {
  std::string text;
  for (std::int64_t i = 0; i < times; ++i) {
    text += piece;
  }
  return text;
}

// Characters of one to four bytes, quotes, control characters; never a zero
// byte, which the protocol cannot carry.
std::string strange_text(Dice &dice, std::int64_t longest) {
  static constexpr std::array<const char *, 24> kPieces = {
      "a",    "/",    "'",  "\"", "\\", "$1",   "\n",     "\t",
      "\x01", "\x7f", "%s", "{",  "}",  ",",    ";",      "--",
      "é",    "ключ", "́",   "🔒",  " ",  "NULL", "\u200b", "\uffff"};
  std::string text;
  for (std::int64_t left = dice.roll(0, longest); left > 0; --left) {
    text += pick(kPieces, dice);
  }
  return text;
}

// Just below, at and above a limit in bytes, with characters of one or two.
std::string about_as_long_as(std::int64_t limit, Dice &dice) {
  const std::int64_t length = limit + dice.roll(-1, 1);
  return dice.chance(0.5) ? repeat("x", length)
                          : repeat("é", length / 2) + repeat("x", length % 2);
}

Value name(const char *prefix, std::int64_t good, std::int64_t limit,
           Dice &dice) {
  if (dice.chance(0.85)) {
    return prefix + std::to_string(dice.roll(1, good));
  }
  switch (dice.roll(0, 3)) {
    case 0:
      return std::nullopt;
    case 1:
      return "";
    case 2:
      return about_as_long_as(limit, dice);
    default:
      return strange_text(dice, 20);
  }
}

std::string quote_element(const Value &value) {
  if (!value) {
    return "NULL";
  }
  std::string text = "\"";
  for (const char c : *value) {
    if (c == '"' || c == '\\') {
      text += '\\';
    }
    text += c;
  }
  return text + '"';
}

Value keys(Dice &dice) {
  if (dice.chance(0.1)) {
    static constexpr std::array<const char *, 6> kOdd = {
        "{}", "{NULL}", "{{a,b},{c,d}}", "[5:6]={a,b}", "{a,a,a}", "{{}}"};
    return dice.chance(0.2) ? Value() : Value(pick(kOdd, dice));
  }
  const std::int64_t count =
      dice.chance(0.05) ? dice.roll(900, 1100) : dice.roll(0, 8);
  std::string text = "{";
  for (std::int64_t i = 0; i < count; ++i) {
    // Distinct when there are many: a quota is to be hit, not a duplicate.
    const Value key = count > 100 ? Value("many" + std::to_string(i))
                                  : draw(Kind::kKey, dice);
    text += (i == 0 ? "" : ",") + quote_element(key);
  }
  return text + "}";
}

Value mode(Dice &dice) {
  static constexpr std::array<const char *, 7> kOdd = {
      "",         "EXCLUSIVE", "exclusive ",     "share",
      "shared\n", "x",         "exclusiveshared"};
  if (dice.chance(0.9)) {
    return dice.chance(0.7) ? "exclusive" : "shared";
  }
  return dice.chance(0.2) ? Value() : Value(pick(kOdd, dice));
}

Value interval(Dice &dice) {
  static constexpr std::array<const char *, 16> kOdd = {"-1 us",
                                                        "-1 day",
                                                        "1 us",
                                                        "999 us",
                                                        "0.0004 ms",
                                                        "1 mon -30 days",
                                                        "178000000 yrs",
                                                        "1 mon",
                                                        "-1 mon 31 days",
                                                        "2147483647 ms",
                                                        "2147483648 ms",
                                                        "596523 hours",
                                                        "1e300 s",
                                                        "infinity",
                                                        "",
                                                        "24 days 20:31:23.648"};
  if (dice.chance(0.8)) {
    return std::to_string(dice.roll(0, 20)) + " ms";
  }
  return dice.chance(0.2) ? Value() : Value(pick(kOdd, dice));
}

// SQL that a task might be, whole or cut off or glued together.
Value task(Dice &dice) {
  static constexpr std::array<const char *, 30> kTasks = {
      "SELECT 1",
      "INSERT INTO fuzz_work VALUES (1)",
      "SELECT 1/0",
      "",
      ";",
      ";;SELECT 1;;",
      "COMMIT",
      "ROLLBACK",
      "BEGIN",
      "SAVEPOINT a",
      "DISCARD ALL",
      "SELECT pg_advisory_unlock_all()",
      "SELECT unlock_all()",
      "SELECT try_lock('fuzz1', 'key1')",
      "SELECT try_run_exclusive('fuzz1', 'key1', 'SELECT 1')",
      "SELECT try_run_exclusive('fuzz1', 'key2', "
      "$$SELECT try_run_exclusive('fuzz1', 'key3', 'SELECT 1/0')$$)",
      "CALL run_exclusive('fuzz1', 'key4', 'SELECT 1', '1 ms')",
      "DO $$ BEGIN PERFORM 1; COMMIT; PERFORM 1/0; END $$",
      "DO $$ BEGIN PERFORM try_lock('fuzz1', 'key5'); "
      "EXCEPTION WHEN OTHERS THEN NULL; END $$",
      "SET search_path = pg_temp",
      "SET lock_timeout = 1",
      "PREPARE TRANSACTION 'fuzz'",
      "COPY fuzz_work FROM STDIN",
      "COPY fuzz_work TO STDOUT",
      "DECLARE c CURSOR FOR SELECT 1",
      "SELECT pg_sleep(0.002)",
      "SELECT * FROM generate_series(1, 10000)",
      "CREATE TEMP TABLE IF NOT EXISTS t (a int)",
      "SELECT $1",
      "nonsense"};
  if (dice.chance(0.05)) {
    return dice.chance(0.5) ? Value() : Value(strange_text(dice, 40));
  }
  std::string text = pick(kTasks, dice);
  while (dice.chance(0.3)) {
    text += std::string("; ") + pick(kTasks, dice);
  }
  if (dice.chance(0.1) && !text.empty()) {
    text.resize(static_cast<std::size_t>(
        dice.roll(0, static_cast<std::int64_t>(text.size()))));
  }
  return text;
}

Value number(Dice &dice) {
  static constexpr std::array<const char *, 6> kOdd = {
      "0",          "-1",        "9223372036854775807", "-9223372036854775808",
      "4294967296", "2147483648"};
  if (dice.chance(0.1)) {
    return std::nullopt;
  }
  return dice.chance(0.5) ? Value(pick(kOdd, dice))
                          : Value(std::to_string(dice.roll(1, 1'000'000)));
}

Value permits(Dice &dice) {
  static constexpr std::array<const char *, 5> kOdd = {"0", "-1", "8000",
                                                       "8001", "2147483647"};
  if (dice.chance(0.9)) {
    return "3";
  }
  return dice.chance(0.2) ? Value() : Value(pick(kOdd, dice));
}

// Calls that travel together come in arrays of one length; these mostly do.
std::int64_t draw_length(Dice &dice) {
  constexpr std::int64_t kUsual = 3;
  return dice.chance(0.95) ? kUsual : dice.roll(0, kUsual + 1);
}

std::string letter(Dice &dice) {
  static constexpr std::array<const char *, 6> kOdd = {"",     "X", "q",
                                                       "\x01", "é", "xx"};
  static constexpr std::array<const char *, 4> kGood = {"x", "s", "u", "h"};
  return dice.chance(0.97) ? pick(kGood, dice) : pick(kOdd, dice);
}

Value letters(Dice &dice) {
  std::string text;
  for (std::int64_t left = draw_length(dice); left > 0; --left) {
    text += letter(dice);
  }
  return dice.chance(0.02) ? Value() : Value(text);
}

Value array(Kind kind, Dice &dice) {
  std::string text = "{";
  for (std::int64_t left = draw_length(dice); left > 0; --left) {
    text += (text.size() == 1 ? "" : ",") + quote_element(draw(kind, dice));
  }
  return dice.chance(0.02) ? Value() : Value(text + "}");
}

}  // namespace

const char *sql_type(Kind kind) {
  switch (kind) {
    case Kind::kKeys:
    case Kind::kNamespaces:
    case Kind::kFewKeys:
      return "text[]";
    case Kind::kTokens:
      return "bigint[]";
    case Kind::kLetter:
      return "\"char\"";
    case Kind::kInterval:
      return "interval";
    case Kind::kNumber:
      return "bigint";
    case Kind::kPermits:
      return "integer";
    case Kind::kBoolean:
      return "boolean";
    case Kind::kRole:
      return "regrole";
    default:
      return "text";
  }
}

Value draw(Kind kind, Dice &dice) {
  constexpr std::int64_t kLongestNamespace = 63;
  constexpr std::int64_t kLongestKey = 1024;
  switch (kind) {
    case Kind::kNamespace:
      return dice.chance(0.03) ? draw(Kind::kSpare, dice)
                               : name("fuzz", 4, kLongestNamespace, dice);
    case Kind::kSpare:
      return name("spare", 2, kLongestNamespace, dice);
    case Kind::kRole:
      return dice.chance(0.7) ? Value()
                              : Value(dice.chance(0.8) ? "fuzzer" : "%");
    case Kind::kKey:
      return name("key", 6, kLongestKey, dice);
    case Kind::kSlot:
      return name("slot", 20, kLongestKey, dice);
    case Kind::kKeys:
      return keys(dice);
    case Kind::kMode:
      return mode(dice);
    case Kind::kInterval:
      return interval(dice);
    case Kind::kTask:
      return task(dice);
    case Kind::kNumber:
      return number(dice);
    case Kind::kPermits:
      return permits(dice);
    case Kind::kBoolean:
      return dice.chance(0.1) ? Value() : Value(dice.chance(0.5) ? "t" : "f");
    case Kind::kOnCrash:
      return dice.chance(0.8) ? "retry" : "skip ";
    case Kind::kLetter:
      return dice.chance(0.02) ? Value() : Value(letter(dice));
    case Kind::kLetters:
      return letters(dice);
    case Kind::kNamespaces:
      return array(Kind::kNamespace, dice);
    case Kind::kFewKeys:
      return array(Kind::kKey, dice);
    case Kind::kTokens:
      return array(Kind::kNumber, dice);
  }
  return std::nullopt;
}

}  // namespace fuzz
