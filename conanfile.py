# SPDX-License-Identifier: BSL-1.0
"""The recipe of Conan 2: `conan create .`"""
import pathlib
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy
from conan.tools.layout import basic_layout


class Stator(ConanFile):
    name = "stator"
    license = "BSL-1.0"
    description = "Neural networks as plain structs, resolved by the compiler"
    topics = ("neural-networks", "autograd", "header-only", "c++20")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "include/*", "LICENSE_1_0.txt"
    no_copy_source = True

    def set_version(self):
        header = pathlib.Path(self.recipe_folder, "include/stator/version.hpp").read_text()
        self.version = re.search(r'VERSION_STRING "([\d.]+)"', header).group(1)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("boost/[>=1.81]")
        self.requires("eigen/[>=3.4]")
        self.requires("zlib/[>=1.2]")

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "*.hpp", f"{self.source_folder}/include", f"{self.package_folder}/include")
        copy(self, "LICENSE_1_0.txt", self.source_folder, f"{self.package_folder}/licenses")

    def package_info(self):
        self.cpp_info.components["core"].set_property("cmake_target_name", "stator::stator")
        self.cpp_info.components["core"].requires = ["boost::headers", "eigen::eigen", "zlib::zlib"]
        self.cpp_info.components["io"].set_property("cmake_target_name", "stator::io")
        self.cpp_info.components["io"].requires = ["core", "boost::json"]
        for component in self.cpp_info.components.values():
            component.bindirs = component.libdirs = []
