#pragma once

#include <cstdint>

namespace syncline::sql {

// libpq's Oid, for those who need nothing else of libpq.
using TypeOid = uint32_t;

// True for the types whose binary form BinaryDecoder decodes; a column of any other type has to be
// read as its text.
bool ReadsBinary(TypeOid type);
// True for the types whose values may be sent in binary. Not for name, whose receive function
// refuses what its input function cuts off, and not for what Syncline reads as text.
bool TakesBinary(TypeOid type);
// Whether values of a type take few bytes whatever they are. A numeric has 131,072 digits before
// the point at most.
bool IsShort(TypeOid type);

// The sign of a binary numeric below zero.
inline constexpr uint16_t kNumericNegative = 0x4000;

}  // namespace syncline::sql

namespace syncline::sql::oid {

// The types that are read in binary, by the numbers that pg_type.dat has fixed for ever.
inline constexpr TypeOid kBool = 16;
inline constexpr TypeOid kBytea = 17;
inline constexpr TypeOid kName = 19;
inline constexpr TypeOid kInt8 = 20;
inline constexpr TypeOid kInt2 = 21;
inline constexpr TypeOid kInt4 = 23;
inline constexpr TypeOid kText = 25;
inline constexpr TypeOid kOid = 26;
inline constexpr TypeOid kJson = 114;
inline constexpr TypeOid kFloat4 = 700;
inline constexpr TypeOid kFloat8 = 701;
inline constexpr TypeOid kBpchar = 1042;
inline constexpr TypeOid kVarchar = 1043;
inline constexpr TypeOid kDate = 1082;
inline constexpr TypeOid kTime = 1083;
inline constexpr TypeOid kTimestamp = 1114;
inline constexpr TypeOid kTimestampTz = 1184;
inline constexpr TypeOid kNumeric = 1700;
inline constexpr TypeOid kUuid = 2950;
inline constexpr TypeOid kJsonb = 3802;
inline constexpr TypeOid kXid8 = 5069;

// Types that are sent and read as text.
inline constexpr TypeOid kTimeTz = 1266;
// Arrays, ranges and multiranges of dates and times: of timestamp, date, time, timestamptz, timetz,
// then tsrange, tstzrange and daterange, each with its array, and the same of multiranges.
inline constexpr TypeOid kHoldingTimes[] = {1115, 1182, 1183, 1185, 1270, 3908, 3909, 3910, 3911,
                                            3912, 3913, 4533, 4534, 4535, 6152, 6153, 6155};

}  // namespace syncline::sql::oid
