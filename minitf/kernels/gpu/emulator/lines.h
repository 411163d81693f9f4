// From addresses of a compiled library to what the reader of a .cu file knows: lines, and names of shared arrays.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>
#include <cxxabi.h>
#include <dlfcn.h>
#ifdef __linux__
#include <elf.h>
#include <link.h>
#endif

namespace emulator {
inline std::string library_path() {
    Dl_info info;
    return dladdr(reinterpret_cast<void *>(&library_path), &info) ? info.dli_fname : "";
}

inline std::string base_name(const std::string &path) { return path.substr(path.rfind('/') + 1); }

// "reduce.cu:12" for each place (an offset within the library, behind a call), with the line of the caller where a function became part of
// it. By addr2line, which comes with the linker.
inline std::map<uint32_t, std::string> lines_of(const std::vector<uint32_t> &places) {
    std::map<uint32_t, std::string> lines;
    std::string command = "addr2line -a -i -e '" + library_path() + "'";
    char text[1024];
    for (uint32_t p : places) snprintf(text, sizeof text, " 0x%x", p - 1), command += text;
    const bool quoted = library_path().find('\'') == std::string::npos;
    FILE *pipe = places.empty() || !quoted ? nullptr : popen((command + " 2>/dev/null").c_str(), "r");
    if (pipe) {
        uint32_t place = 0;
        int frames = 0;
        while (fgets(text, sizeof text, pipe)) {
            std::string line = text;
            line = line.substr(0, line.find_first_of(" \n"));
            if (line.compare(0, 2, "0x") == 0) place = uint32_t(strtoull(text, nullptr, 16)) + 1, frames = 0;
            else if (line.find("<emulator>") == std::string::npos && line[0] != '?') {
                line = base_name(line);
                if (frames == 0) lines[place] = line;
                else if (frames == 1 && line != lines[place]) lines[place] += " (called from " + line + ")";
                frames++;
            }
        }
        pclose(pipe);
    }
    for (uint32_t p : places) if (!lines.count(p)) {
        snprintf(text, sizeof text, "%s at 0x%x (with addr2line, of binutils, the line would stand here)",
                 base_name(library_path()).c_str(), p);
        lines[p] = text;
    }
    return lines;
}

// A variable of the library's own text (not the emulator's): where it lies, from the library's begin, or within its memory of a thread.
struct Variable { uint64_t offset, size; std::string name; };

// Those of a kind: STT_TLS, which are the `__shared__` ones, or STT_OBJECT, the `__device__` ones.  None where symbols can not be read.
inline std::vector<Variable> variables(int kind) {
    std::vector<Variable> found;
#ifdef __linux__
    std::vector<char> file;
    if (FILE *f = fopen(library_path().c_str(), "rb")) {
        char part[65536];
        for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) file.insert(file.end(), part, part + n);
        fclose(f);
    }
    if (file.size() < sizeof(Elf64_Ehdr)) return found;
    auto *header = reinterpret_cast<Elf64_Ehdr *>(file.data());
    auto *sections = reinterpret_cast<Elf64_Shdr *>(file.data() + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB) continue;
        auto *symbols = reinterpret_cast<Elf64_Sym *>(file.data() + sections[i].sh_offset);
        const char *names = file.data() + sections[sections[i].sh_link].sh_offset;
        for (size_t k = 0; k < sections[i].sh_size / sizeof(Elf64_Sym); k++) {
            if (ELF64_ST_TYPE(symbols[k].st_info) != kind || symbols[k].st_shndx == SHN_UNDEF) continue;
            int status;
            char *plain = abi::__cxa_demangle(names + symbols[k].st_name, nullptr, nullptr, &status);
            std::string name = plain ? plain : names + symbols[k].st_name;
            free(plain);
            if (name.find("emulat") != std::string::npos || name.find("std::") != std::string::npos) continue;
            name = name.substr(0, name.find('.'));            // g++ numbers those of one name
            size_t colon = name.rfind("::");
            found.push_back({symbols[k].st_value, symbols[k].st_size, colon == std::string::npos ? name : name.substr(colon + 2)});
        }
    }
#endif
    return found;
}
}  // namespace emulator
