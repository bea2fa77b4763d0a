#pragma once

namespace ottla::protocol {

class Reader;
class Writer;
class Printer;
class Records;

}  // namespace ottla::protocol
